"""What a server said in place of an answer: its status, its words, and how long it asks to wait."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stages.llm.delay import retry_after, wait_in
from stages.llm.plain import without_traceback
from stages.llm.reply import Reply

_ECHOES = {"input", "flagged_input", "prompt", "messages", "content", "request", "body", "ctx", "loc", "url"}
_ECHO_IN_WORDS = re.compile(r"\binput_value=.*", re.DOTALL)  # as pydantic ends a message
_PREFIX = re.compile(r"^(?:litellm\.\w+: )*(?:\w+: )?(?:\w+Exception (?:\w+ )?- )?(?:litellm\.\w+: )?")
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
)  # best first
_NAMED = re.compile(r"retry|wait|block", re.IGNORECASE)  # `retryDelay: 34s`, `blockReason: OTHER` need their keys
_DEEPEST = 8  # levels of JSON that are read


@dataclass(frozen=True)
class Said:
    """What an error says, in the server's own words where a server sent it."""

    status: int | None
    """The HTTP status; of an error under a good one the code inside, None where that is no status."""
    message: str
    """The sentence for a person."""
    words: str
    """All its words, codes included, without what it repeats of the request."""
    after_seconds: float
    """How long it asks to wait; 0 where it does not say."""


def said_by(error: BaseException, reply: Reply) -> Said:
    """Return what an error says, or the reply that led to it."""
    import httpx

    refusal = next((link.response for link in chain_of(error) if isinstance(link, httpx.HTTPStatusError)), None)
    headers: Mapping[str, Any] = getattr(error, "litellm_response_headers", None) or {}  # Any: as in retry_after
    own = _PREFIX.sub("", _SSL.sub("", without_traceback(str(error))))
    status: int | None
    content: Any  # JSON
    if refusal is not None:  # LiteLLM's own error has lost the status or the body on some routes
        status, content, headers = refusal.status_code, _parsed(refusal.text), headers or refusal.headers
    elif reply.words:
        status, content = _status_in(reply.words), reply.words
    else:
        status, content = _as_status(getattr(error, "status_code", None)), own
    words = " | ".join(_words(content))
    return Said(status, _sentence(content) or own or words, words, retry_after(headers) or wait_in(words))


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _parsed(text: str) -> Any:  # Any: JSON
    """Return the JSON of a body, or its text where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _status_in(content: object) -> int | None:
    """Return the HTTP status that an error's JSON names; None where it names none."""
    codes = (content.get(key) for key in _CODES) if isinstance(content, Mapping) else ()
    return next(filter(None, map(_as_status, codes)), None)


def _as_status(code: object) -> int | None:
    return int(code) if isinstance(code, int | str) and re.fullmatch(r"[45]\d\d", str(code)) else None


def _words(content: object, key: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the words of an error's JSON, but not what repeats the request."""
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
    """Return what an error's JSON says to a person; empty where no key for it is there."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content:
        return _sentence(content[0], depth + 1)
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return ""
    return next(filter(None, (_sentence(content.get(key), depth + 1) for key in _SENTENCES)), "")
