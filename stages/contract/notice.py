"""What must be said wherever data of the built-in model is shown."""

from collections.abc import Iterable

_NOTICE = "Demonstration data from a built-in book of hand-written tasks, not from a language model."


def demonstration_notice(models: Iterable[str]) -> str:
    """Return what to say about data that the built-in model wrote; empty when none of the models is built in."""
    built_in = any(model.startswith("offline/") for model in models)
    return _NOTICE if built_in else ""
