"""Fail before any money is spent when params.yaml is not what conf/ composes to.

conf/, params.yaml -> reports/checked.txt

Plain `dvc repro` never composes conf/ and would build with old values in silence. The output is constant, kept in
git and written first, so that a failing check leaves git clean. Under `dvc exp run`, which has just composed
params.yaml with its own overrides, it only validates and refuses a choice that hides the experiment's keys.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from stages.contract.config import Config
from stages.contract.errors import UserError
from stages.contract.jsonl import write_text
from stages.contract.stage import stage
from stages.contract.state import load_params, load_yaml
from stages.contract.validation import validate

MARKER = "params.yaml was checked against conf/ by the first stage.\n"


def compose(folder: Path, overrides: Sequence[str] = ()) -> str:
    """Return the YAML that a configuration folder composes to, the bytes `dvc exp run` would write.

    Raises:
        UserError: it does not compose: an unknown group or option, an interpolation without a value.
    """
    OmegaConf.clear_resolver("oc.env")  # as hydra_plugins/no_environment.py does in DVC's composition
    try:
        with initialize_config_dir(str(folder.resolve()), version_base="1.3"):
            config = hydra_compose("config", overrides=list(overrides))
        OmegaConf.resolve(config)
        return OmegaConf.to_yaml(config)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError, ValueError) as error:
        hint = " (values of the environment are kept out of the config)" if "oc.env" in str(error) else ""
        message = " ".join(str(error).split()).partition(" Config search path")[0].replace(str(folder), "conf")
        raise UserError(f"conf: does not compose: {message}{hint}; correct it") from None


def differences(wanted: Any, found: Any, key: str = "") -> Iterator[str]:  # Any: what YAML holds
    """Yield a line for each key that conf/ and params.yaml hold different values for."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in dict.fromkeys([*wanted, *found]):
            yield from differences(wanted.get(name), found.get(name), f"{key}.{name}" if key else str(name))
    elif wanted != found or isinstance(wanted, bool) != isinstance(found, bool):
        yield f"{key}: conf/ composes {wanted!r}, params.yaml holds {found!r}"


def hidden_by_choice(experiment: str) -> list[str]:
    """Return the keys and groups that an experiment sets and conf/choice.yaml sets otherwise."""
    wanted = _settings(load_yaml(f"conf/experiment/{experiment}.yaml"))
    chosen = _settings(load_yaml("conf/choice.yaml", empty_is_a_mapping=True))
    if chosen.get("override /experiment") == experiment:  # chosen on top of it, so meant
        return []
    return sorted(key for key in wanted.keys() & chosen.keys() if wanted[key] != chosen[key])


def check_files(config: Config) -> None:
    """Raise a UserError that names each file of the config that is not there, or `data` when it is no folder."""
    named = {"seeds.path": config.seeds.path}
    named |= {f"prompts.{name}": path for name, path in config.prompts.model_dump(exclude={"mode"}).items()}
    faults = [
        f"{key}: {path!r} is no file; correct the path" for key, path in named.items() if not Path(path).is_file()
    ]
    if Path("data").exists() and not Path("data").is_dir():
        faults.append("data: is a file, and the stages write a folder of this name; move it away")
    if faults:
        raise UserError("\n".join(faults))


def _settings(content: dict[str, Any]) -> dict[str, Any]:  # Any: what YAML holds
    """Return group choices and values of a config file by dotted key."""
    settings = {group: option for entry in content.get("defaults", []) for group, option in entry.items()}
    pending = [("", {key: value for key, value in content.items() if key != "defaults"})]
    while pending:
        prefix, node = pending.pop()
        for name, value in node.items():
            if isinstance(value, dict) and value:
                pending.append((f"{prefix}{name}.", value))
            else:
                settings[f"{prefix}{name}"] = value
    return settings


def main() -> None:
    """Write the marker, then judge."""
    write_text("reports/checked.txt", MARKER)
    with stage("check"):
        params = load_params()
        check_files(validate(params))
        if "DVC_EXP_NAME" not in os.environ:
            _refuse_drift(params)
        elif (experiment := params["experiment"]) and (hidden := hidden_by_choice(experiment)):
            raise UserError(
                f"conf/choice.yaml: hides {', '.join(hidden)} of experiment={experiment}; "
                f"run `seedling run experiment={experiment}` or `seedling run --reset` first"
            )
        print("check: params.yaml is what conf/ composes to", file=sys.stderr)


def _refuse_drift(params: dict[str, Any]) -> None:  # Any: what YAML holds
    wanted = yaml.safe_load(compose(Path("conf")))
    if lines := list(differences(wanted, params)):
        raise UserError("\n".join([*lines, "params.yaml: is not what conf/ composes to; run `seedling run`"]))


if __name__ == "__main__":
    main()
