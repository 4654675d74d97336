"""LiteLLM, imported at the first request that is not stored."""

import gc
import os
import sys
from typing import Any


def load_litellm() -> Any:  # Any: litellm's own annotations are partial
    """Return the litellm module; the first call imports it, without network.

    What the import leaves behind lives to the end of the process. The garbage collector skips it from then on, which
    saves 1.5 s in every stage with new calls.
    """
    if "litellm" in sys.modules:
        return sys.modules["litellm"]
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # its prices, else fetched at import
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    gc.disable()
    try:
        import litellm
    finally:
        gc.enable()
    gc.freeze()
    litellm.suppress_debug_info = True
    return litellm
