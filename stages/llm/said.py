"""Reads an error: its status, its words, and how long the server asks to wait."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stages.llm.delay import retry_after, wait_in
from stages.llm.plain import without_traceback
from stages.llm.reply import Reply

# keys whose values repeat the request
_ECHOES = {"input", "flagged_input", "prompt", "messages", "content", "request", "body", "ctx", "loc", "url"}
_ECHO_IN_WORDS = re.compile(
    r"\binput_value=.*", re.DOTALL
)  # servers that use pydantic repeat the input at the end of a message
# LiteLLM puts class names before the message of the provider
_PREFIX = re.compile(r"^(?:litellm\.\w+: )*(?:\w+: )?(?:\w+Exception (?:\w+ )?- )?(?:litellm\.\w+: )?")
# aiohttp adds its SSL settings to "Cannot connect to host …"
_SSL = re.compile(r" ssl:(?:<[^>]*>|\w+)")
_CODES = ("code", "status_code", "status", "error_code")
_SENTENCES = (
    "message",
    "msg",
    "status_msg",
    "detail",
    "error_description",
    "error",
    "base_resp",
    "title",
)  # keys, best first
_NAMED = re.compile(r"retry|wait|block", re.IGNORECASE)  # `retryDelay: 34s`, `blockReason: OTHER` need their keys
_DEEPEST = 8  # levels of JSON that are read; deeper nesting must not reach the recursion limit


@dataclass(frozen=True)
class Said:
    """An error, in the server's own words if a server sent it."""

    status: int | None
    """The HTTP status. For an error that came with status 200, the code inside; None if that is not a status."""
    message: str
    """The sentence to show the user."""
    words: str
    """All its words and codes, except those that repeat the request."""
    after_seconds: float
    """How long the server asks to wait; 0 if it does not say."""


def said_by(error: BaseException, reply: Reply) -> Said:
    """Return what an error says, from the server's reply if there is one, else from LiteLLM's message."""
    import httpx

    refusal = next((link.response for link in chain_of(error) if isinstance(link, httpx.HTTPStatusError)), None)
    headers: Mapping[str, Any] = getattr(error, "litellm_response_headers", None) or {}  # Any: as in retry_after
    own = _PREFIX.sub("", _SSL.sub("", without_traceback(str(error))))
    status: int | None
    content: Any  # JSON
    if refusal is not None:  # on some routes LiteLLM's own error has another status and no body
        status, content, headers = refusal.status_code, _parsed(refusal.text), headers or refusal.headers
    elif reply.words:
        status, content = _status_in(reply.words), reply.words
    else:
        status, content = _as_status(getattr(error, "status_code", None)), own
    words = " | ".join(_words(content))
    return Said(status, _sentence(content) or own or words, words, retry_after(headers) or wait_in(words))


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors that caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _parsed(text: str) -> Any:  # Any: JSON
    """Return the JSON of a body, or the text itself if it is not JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _status_in(content: object) -> int | None:
    """Return the HTTP status in an error's JSON; None if there is none."""
    codes = (content.get(key) for key in _CODES) if isinstance(content, Mapping) else ()
    return next(filter(None, map(_as_status, codes)), None)


def _as_status(code: object) -> int | None:
    return int(code) if isinstance(code, int | str) and re.fullmatch(r"[45]\d\d", str(code)) else None


def _words(content: object, key: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the words of an error's JSON, except those that repeat the request."""
    if depth > _DEEPEST or key in _ECHOES:
        return
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from _words(value, str(name), depth + 1)
    elif isinstance(content, list):
        for value in content:
            yield from _words(value, key, depth + 1)
    elif content is not None:
        words = _ECHO_IN_WORDS.sub("", str(content))
        yield f"{key}: {words}" if _NAMED.search(key) else words


def _sentence(content: object, depth: int = 0) -> str:
    """Return the sentence in an error's JSON; empty if no key holds one."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content:
        return _sentence(content[0], depth + 1)
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return ""
    return next(filter(None, (_sentence(content.get(key), depth + 1) for key in _SENTENCES)), "")
