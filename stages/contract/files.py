"""Read YAML mappings, and write files whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from stages.contract.errors import UserError, unusable


def load_yaml(path: str | Path, *, empty_is_a_mapping: bool = False) -> dict[str, Any]:  # Any: what YAML holds
    """Return the mapping in a YAML file; with `empty_is_a_mapping`, a file of comments alone gives an empty one.

    Raises:
        UserError: no such file, not YAML, or not a mapping.
    """
    try:
        content = parsed_yaml(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run this at the root of the repository") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not YAML ({' '.join(str(error).split())}); correct it") from None
    if content is None and empty_is_a_mapping:
        return {}
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds {type(content).__name__}, not a mapping; restore it from git")
    return content


def parsed_yaml(text: str) -> Any:  # Any: what YAML holds
    """Return what a YAML text holds, by libyaml: yaml.safe_load takes 0.2 s for params.yaml and dvc.yaml.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    return yaml.load(text, yaml.CSafeLoader)


def write_json(path: str | Path, content: object) -> None:
    """Write one JSON document, keys in the order given."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write a text."""
    with writing(path) as target:
        target.write_text(text, "utf-8")


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`, and move it to `path` if the body succeeds.

    The file appears complete or stays as it was, whatever kills the process.

    Raises:
        SeedlingError: the disk is full or the file cannot be written; nothing is left behind.
        UserError: a folder of the path is a file.
    """
    path = Path(path)
    target = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield target
        os.replace(target, path)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{path}: {path.parent} is not a folder; move that file away") from None
    except OSError as error:
        raise unusable(path, error, "written") from None
    finally:
        with suppress(OSError):
            target.unlink()
