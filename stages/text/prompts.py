"""Prompt templates: checked when they are loaded, strict when they are filled in."""

import re
from collections.abc import Callable
from pathlib import Path

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment

from stages.contract.errors import UserError

Render = Callable[..., str]

_OUR_TAG = re.compile(r"<(/?\s*(?:task|input|output|label)\s*)>", re.IGNORECASE)


def quote(text: str) -> str:
    """Return text in which our own tags cannot open or close: `<task>` becomes `‹task›`, all else stays."""
    return _OUR_TAG.sub(r"‹\1›", text)


def one_line(text: str) -> str:
    """Return text on one line, each run of white space as one blank."""
    return " ".join(text.split())


def load_prompt(path: str, variables: set[str]) -> Render:
    """Return a function that fills in the template at `path`; it takes the variables as keywords.

    Raises:
        UserError: the file is missing, is no template, or uses a variable that is not among `variables`; from the
            function returned, the template cannot be filled in.
    """
    environment = SandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"quote": quote, "one_line": one_line}
    try:
        source = Path(path).read_text("utf-8")
        used = meta.find_undeclared_variables(environment.parse(source))
        template = environment.from_string(source)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); correct the path in `prompts`") from None
    except (TemplateError, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", 1)
        raise UserError(f"{path}:{line}: is no template ({str(error).splitlines()[0]}); correct it") from None
    if unknown := sorted(used - variables):
        raise UserError(f"{path}: unknown variable {unknown[0]!r}; known here: {', '.join(sorted(variables))}")

    def render(**values: object) -> str:
        try:
            return template.render(**values)
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise UserError(f"{path}: cannot be filled in ({error}); correct it") from None

    return render
