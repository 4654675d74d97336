"""Compose a configuration folder with Hydra."""

from collections.abc import Sequence
from pathlib import Path

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from stages.contract.errors import UserError


def compose(folder: Path, overrides: Sequence[str] = ()) -> str:
    """Return the YAML that a configuration folder composes to: the bytes that `dvc exp run` would write.

    Raises:
        UserError: the folder does not compose, as with an unknown group or option, or an interpolation without a value.
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
