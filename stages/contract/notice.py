"""What must be said wherever data of the built-in model is shown."""

from collections.abc import Iterable


def demonstration_notice(models: Iterable[str]) -> str:
    """Return what to say about data that the built-in model wrote; empty when none of the models is built in."""
    built_in = any(model.startswith("offline/") for model in models)
    return "demonstration data, composed from templates: not for training" if built_in else ""
