"""LiteLLM, imported at the first request that is not stored."""

import gc
import logging
import os
import sys
import warnings
from typing import Any


def load_litellm() -> Any:  # Any: litellm's own annotations are partial
    """Return the litellm module. The first call imports it, without network access.

    The objects of the import live until the process ends. Telling the garbage collector to skip them saves 1.5 s in
    every stage with new calls.
    """
    if "litellm" in sys.modules:
        return sys.modules["litellm"]
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # otherwise the import downloads its prices
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    gc.disable()
    try:
        import litellm
    finally:
        gc.enable()
    gc.freeze()
    _silence(litellm)
    return litellm


def _silence(litellm: Any) -> None:  # Any: as above
    """Keep LiteLLM's log and pydantic's warnings off the terminal: both print words of servers unfiltered.

    Our own errors say what matters to a run. Set LITELLM_LOG=DEBUG to look for a fault in LiteLLM.
    """
    litellm.suppress_debug_info = True
    if "LITELLM_LOG" not in os.environ:
        logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
