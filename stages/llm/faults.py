"""Turns LiteLLM's many errors into three kinds of faults."""

from stages.llm.library import load_litellm
from stages.llm.plain import one_line, shortened
from stages.llm.reply import Reply
from stages.llm.said import chain_of, said_by
from stages.llm.secrets import Secrets
from stages.llm.wording import Kind, kind_of, refusal_in


class AttemptError(Exception):
    """An attempt without an answer.

    `fatal`: every retry would fail too. `overload`: there were too many requests. `passing`: a retry may succeed.
    """

    def __init__(self, kind: Kind, message: str, after_seconds: float = 0, *, billed: bool) -> None:
        super().__init__(message)
        self.kind = kind
        self.after_seconds = after_seconds
        """How long the provider asks to wait; 0 if it does not say."""
        self.billed = billed
        """True if the provider may charge for the attempt."""


class IncompleteError(Exception):
    """A reply without an answer, or with only a part of one."""


def expected_errors() -> tuple[type[Exception], ...]:
    """Return the errors that a call may raise: openai's, which LiteLLM's are, and bare ones for some broken replies."""
    import openai

    return openai.OpenAIError, TimeoutError, IndexError, ValueError, IncompleteError


def refusal_of_words(error: Exception, reply: Reply, prompt: str) -> str:
    """Return the finish reason for an error that the prompt caused; empty for any other error."""
    litellm = load_litellm()
    if isinstance(error, litellm.exceptions.ContextWindowExceededError):
        return "context_window"
    if isinstance(error, litellm.exceptions.ContentPolicyViolationError):
        return "content_filter"
    return refusal_in(said_by(error, reply), prompt)


def fault_of(error: Exception, reply: Reply, prompt: str, secrets: Secrets) -> AttemptError:
    """Return the fault behind an error, with a one-line message without secrets."""
    import openai

    if _is_bad_header(error):
        return AttemptError("fatal", "an API key or address holds a character that HTTP cannot carry", billed=False)
    said = said_by(error, reply)
    message = _line(error, said.message, secrets)
    if isinstance(error, openai.OpenAIError) and not isinstance(
        error, openai.APIError
    ):  # the request cannot be sent at all
        return AttemptError("fatal", message, billed=False)
    kind = kind_of(said, prompt)
    after_seconds = 0 if kind == "fatal" else said.after_seconds
    return AttemptError(kind, message, after_seconds, billed=kind == "passing" and not _is_free(error))


def _line(error: Exception, message: str, secrets: Secrets) -> str:
    """Return the line to show. Secrets are removed twice, since control characters may have hidden one at first."""
    words = secrets.blotted_error(one_line(secrets.blotted_error(message)))
    if isinstance(error, IncompleteError):
        return shortened(words)
    return shortened(f"{type(error).__name__}: {words}" if words else type(error).__name__)


def _is_bad_header(error: Exception) -> bool:
    """Return True if a header held a character that HTTP cannot carry. Some messages for that show the key."""
    return any(
        isinstance(link, UnicodeEncodeError) or (isinstance(link, ValueError) and "in headers" in str(link))
        for link in chain_of(error)
    )


def _is_free(error: Exception) -> bool:
    """Return True if the provider was never reached or sent an error status. An answer lost on its way costs money."""
    import httpx

    free = httpx.HTTPStatusError | httpx.ConnectError | httpx.ConnectTimeout
    return any(isinstance(link, free) for link in chain_of(error))
