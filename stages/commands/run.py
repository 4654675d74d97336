"""`seedling run [overrides]`: choose, compose, validate, and let DVC rerun what changed."""

import argparse
import sys

from stages.choice.adopt import adopt
from stages.choice.choose import Choice, amended, read_choice
from stages.commands.reproduce import alone, reproduce


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a group (llm=openai) or a key of conf/")
    parser.add_argument("--reset", action="store_true", help="forget what earlier runs chose")


def main(options: argparse.Namespace) -> int:
    """Add overrides to the choice (or to an empty one), write params.yaml and reproduce; return the exit code."""
    with alone():
        choice = amended(Choice() if options.reset else read_choice(), options.overrides)
        adopt(choice)
        print(f"seedling: {choice.describe()}", file=sys.stderr)
        return reproduce(choice.runtime)
