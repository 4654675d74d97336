"""Read params.yaml and validate it as a config."""

import json
import os
from collections.abc import Mapping
from typing import Any

from stages.contract.dotted import selected
from stages.contract.errors import UserError
from stages.contract.files import load_yaml
from stages.contract.validation import Model, validate

RUNTIME_VARIABLE = "SEEDLING_RUNTIME"
"""JSON that overrides keys of `runtime` in params.yaml for one command."""


def load_params() -> dict[str, Any]:  # Any: what YAML holds
    """Return params.yaml as it stands."""
    return load_yaml("params.yaml")


def current_config(model: type[Model], keys: list[str] | None = None) -> Model:
    """Return params.yaml as a model, with `runtime` as the environment overrides it.

    Args:
        model: the whole `Config`, or the sections that a stage reads.
        keys: the dotted keys handed to the model (`seed`, `prompts.classify`); None for the whole file.

    Raises:
        UserError: one line for each fault.
    """
    params = load_params()
    whole = {**params, "runtime": overlaid(params)}
    return validate(model, whole if keys is None else selected(whole, keys))


def overlaid(params: Mapping[str, Any]) -> Any:  # Any: what YAML holds
    """Return `runtime` as it holds for this command; if it is not a mapping, the validation will report it."""
    runtime, overlay = params.get("runtime"), runtime_overlay()
    return {**(runtime or {}), **overlay} if isinstance(runtime, dict | None) else runtime


def runtime_overlay() -> dict[str, Any]:  # Any: what JSON holds
    """Return the keys of `runtime` that the environment overrides.

    Raises:
        UserError: the variable is not a JSON object.
    """
    try:
        overlay = json.loads(os.environ.get(RUNTIME_VARIABLE) or "{}")
    except json.JSONDecodeError as error:
        raise UserError(f"{RUNTIME_VARIABLE}: is not JSON ({error}); unset it or correct it") from None
    if not isinstance(overlay, dict):
        raise UserError(f"{RUNTIME_VARIABLE}: holds {json.dumps(overlay)}, not a JSON object; unset it or correct it")
    return overlay
