"""`seedling run [overrides]`: choose, compose, validate, and let DVC rerun what changed."""

import sys
from collections.abc import Sequence

from stages.commands.choice import Choice, adopt, amended, read_choice
from stages.commands.reproduce import alone, reproduce


def run(overrides: Sequence[str], *, reset: bool) -> int:
    """Add overrides to the choice (or to an empty one), write params.yaml and reproduce; return the exit code."""
    with alone():
        choice = amended(Choice() if reset else read_choice(), overrides)
        adopt(choice)
        print(f"seedling: {choice.describe()}", file=sys.stderr)
        return reproduce(choice.runtime)
