"""The reply of a server before LiteLLM changes it.

LiteLLM 1.106.2 turns finish reasons that it does not know into `stop`, and it drops the words of an error that came
with status 200. Both decide what happens to an answer, so we read them from the reply itself.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_ANSWERS = ("choices", "candidates", "content", "message", "output", "outputs", "generations", "results", "response")
_ENDS = ("finish_reason", "finishReason", "native_finish_reason", "stop_reason", "stopReason", "done_reason")


class Reply:
    """The last reply to one attempt."""

    def __init__(self) -> None:
        self.body: Mapping[str, Any] = {}  # Any: JSON
        """Its JSON object; empty if there was no reply or no JSON object in it."""

    def hear(self, call: Mapping[str, Any]) -> None:  # Any: what LiteLLM knows of a call, its key too
        """Keep the reply. LiteLLM calls this before it sends a request, without one, and after the reply came."""
        said: Any = call.get("original_response")  # Any: text, or the object of a text completion
        if isinstance(said, str):
            try:
                said = json.loads(said)
            except ValueError:
                return
        elif hasattr(said, "model_dump"):
            said = said.model_dump()
        self.body = said if isinstance(said, Mapping) else self.body

    @property
    def error(self) -> Any:  # Any: JSON
        """The error in the reply, beside an answer or in place of one; None if there is none.

        An empty error does not count: some providers put one into every reply.
        """
        for holder in (self.body, *self._answers()):
            error = holder.get("error")
            if error and (not isinstance(error, Mapping) or any(error.values())):
                return error
        return None

    @property
    def words(self) -> Any:  # Any: JSON
        """The error, or the whole reply if it has no answer; None otherwise, since a model's words are not an error."""
        return self.error or (None if any(self.body.get(key) for key in _ANSWERS) else self.body or None)

    @property
    def ends(self) -> Iterator[object]:
        """All finish reasons in the reply."""
        for holder in (self.body, *self._answers()):
            yield from (holder[key] for key in _ENDS if holder.get(key))

    def _answers(self) -> Iterator[Mapping[str, Any]]:  # Any: JSON
        for key in ("choices", "candidates"):
            listed = self.body.get(key)
            yield from (item for item in (listed if isinstance(listed, list) else []) if isinstance(item, Mapping))
