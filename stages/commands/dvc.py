"""Run DVC: `python -m stages commands.dvc repro` ends without a traceback at an early Ctrl-C, like a stage."""

import signal
import sys

from dvc.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # DVC handles it from here on
sys.exit(main(sys.argv[2:]))
