"""What can go wrong on the way to a model, in three kinds instead of LiteLLM's many errors."""

from stages.llm.library import load_litellm
from stages.llm.plain import one_line, shortened
from stages.llm.reply import Reply
from stages.llm.said import chain_of, said_by
from stages.llm.secrets import Secrets
from stages.llm.wording import Kind, kind_of, refusal_in


class AttemptError(Exception):
    """An attempt that brought no answer.

    `fatal`: asking again would end the same. `overload`: there were too many requests. `passing`: the next attempt may
    succeed.
    """

    def __init__(self, kind: Kind, message: str, after_seconds: float = 0, *, billed: bool) -> None:
        super().__init__(message)
        self.kind = kind
        self.after_seconds = after_seconds
        """How long the provider asks to wait; 0 when it does not say."""
        self.billed = billed
        """Whether the provider may charge for the attempt."""


class IncompleteError(Exception):
    """A reply that holds no answer, or only a part of one."""


def expected_errors() -> tuple[type[Exception], ...]:
    """Return what a call may raise: LiteLLM's errors are openai's, and for some broken replies it raises bare ones."""
    import openai

    return openai.OpenAIError, TimeoutError, IndexError, ValueError, IncompleteError


def refusal_of_words(error: Exception, reply: Reply, prompt: str) -> str:
    """Return the finish reason of an error that lies in what was asked; empty for any other error."""
    litellm = load_litellm()
    if isinstance(error, litellm.exceptions.ContextWindowExceededError):
        return "context_window"
    if isinstance(error, litellm.exceptions.ContentPolicyViolationError):
        return "content_filter"
    return refusal_in(said_by(error, reply), prompt)


def fault_of(error: Exception, reply: Reply, prompt: str, secrets: Secrets) -> AttemptError:
    """Return the fault behind an error in one line for a person, with secrets blotted out."""
    import openai

    if _is_bad_header(error):
        return AttemptError("fatal", "an API key or address holds a character that HTTP cannot carry", billed=False)
    said = said_by(error, reply)
    message = _line(error, said.message, secrets)
    if isinstance(error, openai.OpenAIError) and not isinstance(error, openai.APIError):  # there is no way to ask
        return AttemptError("fatal", message, billed=False)
    kind = kind_of(said, prompt)
    after_seconds = 0 if kind == "fatal" else said.after_seconds
    return AttemptError(kind, message, after_seconds, billed=kind == "passing" and not _is_free(error))


def _line(error: Exception, message: str, secrets: Secrets) -> str:
    """Return what to show of an error. A key could hide between control characters, so it is blotted out twice."""
    words = secrets.blotted_error(one_line(secrets.blotted_error(message)))
    if isinstance(error, IncompleteError):
        return shortened(words)
    return shortened(f"{type(error).__name__}: {words}" if words else type(error).__name__)


def _is_bad_header(error: Exception) -> bool:
    """Tell whether HTTP could not carry a header: the messages of httpx and aiohttp would show the key in it."""
    return any(
        isinstance(link, UnicodeEncodeError) or (isinstance(link, ValueError) and "in headers" in str(link))
        for link in chain_of(error)
    )


def _is_free(error: Exception) -> bool:
    """Return whether the provider was never reached or sent an error status: an answer lost on the way is charged."""
    import httpx

    free = httpx.HTTPStatusError | httpx.ConnectError | httpx.ConnectTimeout
    return any(isinstance(link, free) for link in chain_of(error))
