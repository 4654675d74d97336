"""What can go wrong on the way to a model, in three kinds instead of LiteLLM's many errors."""

import email.utils
import re
import time
from collections.abc import Mapping
from typing import Any, Literal

from stages.llm.library import load_litellm
from stages.llm.secrets import Secrets

_FATAL = {400, 401, 402, 403, 404, 405, 413, 422}
_OVERLOAD = {429, 503, 529}
_HOPELESS = re.compile(  # words of errors that LiteLLM gives the status of a passing one
    r"insufficient_quota|exceeded your current quota|credit balance is too low|insufficient balance|"
    r"missing credentials|missing \w+ api key|api_key client option must be set|no module named",
    re.IGNORECASE,
)
_NOISE = re.compile(r"^(?:litellm\.\w+: )?(?:\w+: )?(?:\w+Exception - )?| ssl:(?:<[^>]*>|\w+)")
_LONGEST_MESSAGE = 300


class AttemptError(Exception):
    """An attempt that brought no answer.

    `fatal` stays as it is however often one asks; `overload` says that there were too many requests; `passing` may
    go away by itself.
    """

    def __init__(
        self, kind: Literal["fatal", "overload", "passing"], message: str, after_seconds: float = 0, *, billed: bool
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.after_seconds = after_seconds
        """How long the provider asks to wait; 0 when it does not say."""
        self.billed = billed
        """Whether the provider may charge for the attempt."""


def expected_errors() -> tuple[type[Exception], ...]:
    """Return what a call may raise: LiteLLM's errors are openai's, and some broken answers are bare ones."""
    import openai

    return openai.OpenAIError, TimeoutError, IndexError, ValueError


def refusal_of_words(error: Exception) -> str:
    """Return the finish reason of an error that lies in what was asked, empty for any other error."""
    litellm = load_litellm()
    if isinstance(error, litellm.exceptions.ContextWindowExceededError):
        return "context_window"
    return "content_filter" if isinstance(error, litellm.exceptions.ContentPolicyViolationError) else ""


def fault_of(error: Exception, secrets: Secrets) -> AttemptError:
    """Return the fault behind an error, secrets blotted out where a server repeats them."""
    import openai

    status = getattr(error, "status_code", None)
    words = _NOISE.sub("", " ".join(secrets.blotted_error(str(error)).split()))
    text = f"{type(error).__name__}: {words}" if words else type(error).__name__
    message = text[:_LONGEST_MESSAGE]
    no_way_to_ask = isinstance(error, openai.OpenAIError) and not isinstance(error, openai.APIError)
    if no_way_to_ask or status in _FATAL or _HOPELESS.search(text):
        return AttemptError("fatal", message, billed=False)
    after = retry_after(getattr(error, "litellm_response_headers", None) or {})
    if status in _OVERLOAD:
        return AttemptError("overload", message, after, billed=False)
    return AttemptError("passing", message, after, billed=not _is_free(error))


def _is_free(error: BaseException | None) -> bool:
    """Return whether the provider was never reached or sent an error status: an answer lost on the way is charged."""
    import httpx

    while error and not isinstance(error, httpx.HTTPStatusError | httpx.ConnectError | httpx.ConnectTimeout):
        error = error.__cause__ or error.__context__
    return error is not None


def retry_after(headers: Mapping[str, Any]) -> float:  # Any: httpx headers hold strings, a dict may hold anything
    """Return the seconds a response asks to wait, 0 when it does not or not in a form that can be read.

    `retry-after-ms: 1500`, `retry-after: 1.5` and `retry-after: Fri, 20 Nov 2026 18:00:00 GMT` are read.
    """
    said = {str(name).lower(): str(value) for name, value in headers.items()}
    try:
        seconds = float(said["retry-after-ms"]) / 1000 if "retry-after-ms" in said else _seconds(said["retry-after"])
    except (KeyError, ValueError):
        return 0.0
    return seconds if 0 < seconds < float("inf") else 0.0


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return email.utils.parsedate_to_datetime(text).timestamp() - time.time()
