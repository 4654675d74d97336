"""Fail before any money is spent when params.yaml is not what conf/ composes to.

conf/, params.yaml -> reports/checked.txt

Plain `dvc repro` never composes conf/ and would silently build with old values. Under `dvc exp run`, which has just
composed params.yaml with its own overrides, this stage only validates, and refuses a choice that hides the experiment's
keys.
"""

import os
import sys

from stages.choice.drift import refuse_drift, refuse_hidden
from stages.choice.files import check_files
from stages.contract.config import Config
from stages.contract.files import write_text
from stages.contract.params import current_config, load_params
from stages.contract.stage import reported, unchanged

MARKER = "params.yaml was checked against conf/ by the first stage.\n"


def main() -> None:
    """Write the marker, then judge."""
    with reported("check"):
        # The marker is constant, kept in git and written first: DVC removes it before the stage runs, so a check that
        # fails before writing it would leave a deletion in `git status`.
        write_text("reports/checked.txt", MARKER)
        with unchanged("check"):
            config = current_config(Config)
            check_files(config)
            if "DVC_EXP_NAME" in os.environ:
                refuse_hidden(config.experiment)
            else:
                refuse_drift(load_params())
        print("check: params.yaml is what conf/ composes to", file=sys.stderr)


if __name__ == "__main__":
    main()
