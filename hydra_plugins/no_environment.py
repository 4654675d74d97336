"""Keep `${oc.env:…}` out of composition: `dvc exp run --queue` would commit the resolved value to git."""

from omegaconf import OmegaConf

OmegaConf.clear_resolver("oc.env")
