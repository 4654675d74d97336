"""Put a choice in force: write conf/choice.yaml and the params.yaml it composes to, if both are valid."""

import shutil
import tempfile
from pathlib import Path

from stages.choice.choose import FILE, Choice
from stages.choice.compose import compose
from stages.choice.files import check_files
from stages.contract.config import Config
from stages.contract.files import parsed_yaml, write_text
from stages.contract.validation import validate


def adopt(choice: Choice) -> None:
    """Write conf/choice.yaml and params.yaml.

    Raises:
        UserError: the choice does not compose or is not valid; nothing is written then.
    """
    params = composed(choice)
    content = parsed_yaml(params)
    check_files(validate(Config, {**content, "runtime": {**(content.get("runtime") or {}), **choice.runtime}}))
    # A kill between the two leaves a params.yaml that `check` refuses.
    for path, text in ((FILE, choice.text()), (Path("params.yaml"), params)):
        if not path.exists() or path.read_text("utf-8") != text:
            write_text(path, text)


def composed(choice: Choice) -> str:
    """Return the params.yaml that conf/ composes to with another choice."""
    # in a copy, so that a choice that does not compose leaves conf/ as it was
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder, "conf")
        shutil.copytree("conf", trial)
        (trial / FILE.name).write_text(choice.text(), "utf-8")
        return compose(trial)
