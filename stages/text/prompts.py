"""Loads prompt templates; an unknown or missing variable is an error and never an empty text."""

import re
from collections.abc import Callable
from pathlib import Path

from jinja2 import StrictUndefined, TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment

from stages.contract.errors import UserError

Render = Callable[..., str]

_OUR_TAG = re.compile(r"<(/?\s*(?:task|input|output|label)\s*)>", re.IGNORECASE)


def quote(text: str) -> str:
    """Return the text with our own tags disabled: `<task>` becomes `‹task›`, everything else stays."""
    return _OUR_TAG.sub(r"‹\1›", text)


def one_line(text: str) -> str:
    """Return the text on one line, with one space for each run of white space."""
    return " ".join(text.split())


def load_prompt(path: str, variables: set[str]) -> Render:
    """Return a function that fills in the template at `path`; it takes the variables as keywords.

    Raises:
        UserError: the file cannot be read, is not a template, or uses a variable that is not in `variables`. The
            returned function raises it if the template cannot be filled in.
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
