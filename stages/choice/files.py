"""Check that the files named in a config exist. Imports no Hydra, which `seedling demo` does without."""

from pathlib import Path

from stages.contract.config import Config
from stages.contract.errors import UserError


def check_files(config: Config) -> None:
    """Raise a UserError that names each file of the config that does not exist, and `data` if it is not a folder."""
    named = {"seeds.path": config.seeds.path}
    named |= {f"prompts.{name}": path for name, path in config.prompts.model_dump(exclude={"mode"}).items()}
    faults = [
        f"{key}: {path!r} is not a file; correct the path" for key, path in named.items() if not Path(path).is_file()
    ]
    if Path("data").exists() and not Path("data").is_dir():
        faults.append("data: is a file, and the stages write a folder of this name; move it away")
    if faults:
        raise UserError("\n".join(faults))
