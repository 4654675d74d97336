"""Start a stage: `python -m stages generate` runs stages/generate.py.

While the stage is being imported, Ctrl-C ends the process without a traceback. After that, stages/contract/stage.py
handles it.
"""

import runpy
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)
runpy.run_module(f"stages.{sys.argv[1]}", run_name="__main__", alter_sys=True)
