"""LiteLLM, imported at the first request that is not stored."""

import gc
import logging
import os
import sys
import warnings
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
    _silence(litellm)
    return litellm


def _silence(litellm: Any) -> None:  # Any: as above
    """Keep the words of servers from the terminal, where LiteLLM's log and pydantic's warnings show them as they are.

    What matters to a run is in the errors. Whoever looks for a fault in LiteLLM sets LITELLM_LOG=DEBUG.
    """
    litellm.suppress_debug_info = True
    if "LITELLM_LOG" not in os.environ:
        logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)
