"""The `seedling` command: finds the repository, reads the command line, turns errors into one line."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import stages
from stages.contract.errors import SeedlingError, UserError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code: 0 done, 1 the world failed, 2 something must be changed."""
    options = parser().parse_args(arguments)
    try:
        os.chdir(find_repository(Path.cwd()))
        code = _run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except SeedlingError as error:
        for line in str(error).splitlines():
            print(f"seedling: {line}", file=sys.stderr)
        code = error.exit_code
    sys.exit(code)


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    whole = argparse.ArgumentParser(prog="seedling", description="Grow an instruction-tuning dataset from seed tasks.")
    commands = whole.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run", help="choose, then rerun what changed: seedling run llm=openai generate.num_instructions=300"
    )
    run.add_argument("overrides", nargs="*", metavar="key=value", help="a group (llm=openai) or a key of conf/")
    run.add_argument("--reset", action="store_true", help="forget what earlier runs chose")
    commands.add_parser("demo", help="run with the built-in model, which costs nothing, and show what came out")
    seeds = commands.add_parser("seeds", help="look at a seed file: seedling seeds check my_seeds.jsonl")
    seeds.add_argument("action", choices=["check"], help="schema, coverage, near pairs, and the prompt it leads to")
    seeds.add_argument("file", nargs="?", type=_absolute, help="a file of seed tasks; without one, that of the config")
    answers = commands.add_parser("answers", help="look at the stored answers, hand them on, take others over")
    actions = answers.add_subparsers(dest="action", required=True)
    actions.add_parser("stats", help="answers, tokens and costs by model, and what the last commands spent")
    export = actions.add_parser("export", help="write every stored answer to a JSON Lines file")
    export.add_argument("file", type=_absolute)
    take_over = actions.add_parser("import", help="add the answers of exported stores or of data/answers/*.jsonl")
    take_over.add_argument("files", nargs="+", type=_absolute, metavar="file")
    prune = actions.add_parser("prune", help="forget old answers that the dataset in data/ does not rest on")
    prune.add_argument("--older-than", type=float, required=True, metavar="DAYS")
    prune.add_argument("--yes", action="store_true", help="forget them; without it they are only counted")
    return whole


def _absolute(path: str) -> str:
    """Return a path from where the command was typed as one that holds from the root of the repository too."""
    return str(Path(path).absolute())


def _run(options: argparse.Namespace) -> int:
    """Import the command only now, so that help and errors are quick."""
    if options.command == "demo":
        from stages.commands.demo import demo

        return demo()
    if options.command == "seeds":
        from stages.commands.seeds import check

        return check(options.file)
    if options.command == "answers":
        return _run_answers(options)
    from stages.commands.run import run

    return run(options.overrides, reset=options.reset)


def _run_answers(options: argparse.Namespace) -> int:
    from stages.commands import answers

    if options.action == "export":
        return answers.export(options.file)
    if options.action == "import":
        return answers.take_over(options.files)
    if options.action == "prune":
        return answers.prune(options.older_than, yes=options.yes)
    return answers.stats()


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
