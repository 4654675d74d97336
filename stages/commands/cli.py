"""The `seedling` command: find the repository, run the command named, turn errors into one line and an exit code."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import stages
from stages.contract.errors import SeedlingError, UserError, unusable

COMMANDS = {
    "run": "set options, then rerun what changed: seedling run llm=openai generate.num_instructions=300",
    "demo": "run with the built-in model, which costs nothing, and show some of the dataset",
    "seeds": "check a seed file: seedling seeds check my_seeds.jsonl",
    "answers": "show, export, import or delete stored answers",
}
"""Name -> one line of help. Each has a module of its own, with its arguments and its `main`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code: 0 done, 1 something outside failed, 2 the user must change something."""
    code: int
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except SeedlingError as error:
        code = told(error)
    except OSError as error:  # about a file that no other code checks, such as one in a folder that cannot be read
        code = told(unusable(error.filename, error))
    sys.exit(code)


def told(error: SeedlingError) -> int:
    """Print an error, each line under the name of the command, and return its exit code."""
    for line in str(error).splitlines():
        print(f"seedling: {line}", file=sys.stderr)
    return error.exit_code


def run(arguments: Sequence[str]) -> int:
    """Run the command named first with the arguments after it; return its exit code.

    The module of a command is imported only when the command is named, so help and error messages appear at once.
    """
    name = whole_parser().parse_args(arguments[:1]).command
    command = import_module(f"stages.commands.{name}")
    options = parser_of(name).parse_args(arguments[1:])
    os.chdir(find_repository(Path.cwd()))
    code: int = command.main(options)
    return code


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of a command's arguments."""
    parser = argparse.ArgumentParser(prog=f"seedling {name}", description=COMMANDS[name])
    import_module(f"stages.commands.{name}").add_arguments(parser)
    return parser


def whole_parser() -> argparse.ArgumentParser:
    """Return the parser of the first word, which names the command."""
    table = "\n".join(f"  {name:<10}{line}" for name, line in COMMANDS.items())
    whole = argparse.ArgumentParser(
        prog="seedling",
        usage="seedling [-h] command ...",
        description="Grow an instruction-tuning dataset from seed tasks.",
        epilog=f"commands:\n{table}\n\nseedling COMMAND --help shows the arguments of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("command", choices=COMMANDS, help=argparse.SUPPRESS)
    return whole


def find_repository(start: Path) -> Path:
    """Return the folder at or above `start` that holds dvc.yaml and conf/.

    Raises:
        UserError: there is none, or this command belongs to another clone.
    """
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "conf" / "config.yaml").is_file():
            own = Path(stages.__file__).resolve().parents[1]
            if own != folder.resolve():
                raise UserError(f"{folder}: this command runs the code of {own}; run {folder}/.venv/bin/seedling")
            return folder
    raise UserError(f"{start}: no dvc.yaml and conf/ here or above; change into a Seedling repository")


if __name__ == "__main__":
    main()
