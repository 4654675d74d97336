"""The way to the built-in model: called directly, so that a run with it never imports LiteLLM."""

from stages.contract.records import Answer
from stages.models.book.reply import reply
from stages.store.request import Request


class Inside:
    """Answers requests with the book."""

    async def ask(self, request: Request) -> Answer:
        """Return the answer to a request."""
        parameters = request.parameters
        said = reply(
            request.prompt,
            seed=parameters.get("seed", 0),
            max_tokens=parameters["max_tokens"],
            stop=parameters.get("stop", ()),
        )
        return Answer(
            key=request.key,
            model=request.llm.model,
            served_by=request.llm.model,
            text=said.text,
            reasoning="",
            finish_reason=said.finish_reason,
            prompt_tokens=said.prompt_tokens,
            cached_tokens=0,
            completion_tokens=said.completion_tokens,
            reasoning_tokens=0,
            cost_usd=0.0,
            dropped_parameters=[],
        )

    async def close(self) -> None:
        """Do nothing: there is no connection."""
