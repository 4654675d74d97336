"""Models: requests, the store of their answers, and the way to any provider."""

import os

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # before any import of litellm: no network, fixed prices
os.environ.setdefault("HF_HUB_OFFLINE", "1")
