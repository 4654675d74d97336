"""Turn the content of YAML into a validated model, or into one line for each fault."""

import difflib
import re
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from stages.contract.dotted import as_typed
from stages.contract.errors import UserError

Model = TypeVar("Model", bound=BaseModel)

_OF_A_STAGE = re.compile(r"^(?:generate|classify|instantiate)\.(?=llm\.)")


def validate(model: type[Model], content: Any) -> Model:  # Any: what YAML holds
    """Return the content of YAML, composed or loaded, as a model.

    Raises:
        UserError: one line for each fault, with the key, what was found and the values allowed.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_fault_line(model, fault) for fault in error.errors()]
        shared = {_OF_A_STAGE.sub("", line): line for line in reversed(lines)}  # stages share the fault: one line
        raise UserError("\n".join(reversed(shared.values()))) from None


def _fault_line(model: type[BaseModel], fault: Any) -> str:  # Any: pydantic's ErrorDetails, whose context is untyped
    key = re.sub(r"(api_base)\.\d+$", r"\1", ".".join(str(part) for part in fault["loc"]))
    if fault["type"] == "extra_forbidden":
        return _unknown_key_line(model, fault["loc"])
    if fault["type"] == "missing":
        advice = "run `seedling run` to write params.yaml from conf/"
        return f"{key}: is missing; {'add it' if key.startswith('runtime.price.') else advice}"
    message: str = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error" and isinstance(fault["input"], dict):
        return message
    if key.endswith(("api_key_env", "api_base")):  # a secret may have been pasted here: never repeat it
        return f"{key}: {message}; api_key_env takes the NAME of a variable, api_base a plain URL"
    found = fault["input"]
    shown = as_typed(found) if found is None or isinstance(found, bool | list | dict) else repr(found)
    # YAML has read a commit such as 5e12345 as a number, so its spelling is lost here
    unquoted = fault["type"] == "string_type" and isinstance(found, int | float)
    hint = "; a text that YAML takes for something else needs quotes, as in '1e5' or 'true'" if unquoted else ""
    return f"{key}: {message}, found {shown}{hint}"


def _unknown_key_line(model: Any, location: tuple[str | int, ...]) -> str:  # Any: annotations are not all models
    for part in location[:-1]:
        inner = get_args(model)  # the items of a list, the values of a mapping
        model = inner[-1] if inner else model.model_fields[part].annotation
    known = list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known)}"
    return f"{'.'.join(map(str, location))}: unknown key; {hint}"
