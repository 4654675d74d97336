"""The built-in model as a LiteLLM custom provider, so that it is reached as any other."""

from typing import Any

import litellm
from litellm import ModelResponse
from litellm.llms.custom_llm import CustomLLM
from litellm.types.utils import Choices, Message, Usage

from stages.models.offline.model import reply


class Procedural(CustomLLM):
    """Hands the text of the wire request to the model and its words back."""

    async def acompletion(self, *_: Any, **call: Any) -> ModelResponse:  # Any: LiteLLM's internal call
        """Return the model's reply to the user message; a text completion arrives as one too."""
        wanted = call["optional_params"]
        answer = reply(
            "\n".join(message["content"] for message in call["messages"]),
            seed=wanted.get("seed") or 0,
            temperature=wanted.get("temperature"),
            max_tokens=wanted.get("max_tokens"),
            stop=wanted.get("stop") or [],
        )
        usage = Usage(
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            total_tokens=answer.prompt_tokens + answer.completion_tokens,
        )
        message = Message(content=answer.text, role="assistant")
        choice = Choices(index=0, message=message, finish_reason=answer.finish_reason)
        return ModelResponse(model=call["model"], choices=[choice], usage=usage)


def register() -> None:
    """Make `offline/…` known to LiteLLM."""
    litellm.custom_provider_map = [{"provider": "offline", "custom_handler": Procedural()}]
