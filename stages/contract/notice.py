"""The notice that goes with all data of the built-in model."""

from collections.abc import Iterable

_NOTICE = "Demonstration data from a built-in book of hand-written tasks, not from a language model."


def demonstration_notice(models: Iterable[str]) -> str:
    """Return the notice for data that these models wrote; empty unless one of them is the built-in model."""
    built_in = any(model.startswith("offline/") for model in models)
    return _NOTICE if built_in else ""
