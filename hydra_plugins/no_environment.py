"""Keep `${oc.env:…}` out of composition: a resolved value would be committed to git by `dvc exp run --queue`."""

from omegaconf import OmegaConf

OmegaConf.clear_resolver("oc.env")
