"""Start a stage: `python -m stages generate` runs stages/generate.py.

Ctrl-C ends the process without a traceback while the stage is still being imported; its frame takes over from there.
"""

import runpy
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)
runpy.run_module(f"stages.{sys.argv[1]}", run_name="__main__", alter_sys=True)
