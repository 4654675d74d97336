"""A custom provider that the user registers with LiteLLM works like any other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.contract.errors import UserError
from tests.llm_server import ask, configure

OWN = {"provider": "any", "model": "mine/echo"}


@pytest.fixture
def registered() -> Iterator[None]:
    import litellm
    from litellm import ModelResponse
    from litellm.llms.custom_llm import CustomLLM
    from litellm.types.utils import Choices, Message, Usage

    class Echo(CustomLLM):
        async def acompletion(self, *_: Any, **call: Any) -> ModelResponse:
            message = Message(content=f"You said: {call['messages'][-1]['content']}", role="assistant")
            usage = Usage(prompt_tokens=2, completion_tokens=3, total_tokens=5)
            choice = Choices(index=0, message=message, finish_reason="stop")
            return ModelResponse(model=call["model"], choices=[choice], usage=usage)

    litellm.custom_provider_map = [{"provider": "mine", "custom_handler": Echo()}]
    yield
    litellm.custom_provider_map = []


@pytest.mark.usefixtures("registered")
def test_a_custom_provider_of_litellm_is_used_and_its_answer_stored(tmp_path: Path) -> None:
    config = configure(OWN, runtime={"answers_dir": str(tmp_path), "max_cost_usd": None})
    [answer] = ask(config, "Say hello.")
    assert (answer.text, answer.prompt_tokens, answer.completion_tokens) == ("You said: Say hello.", 2, 3)
    assert ask(config, "Say hello.") == [answer]


def test_an_unregistered_provider_gives_a_one_line_error(tmp_path: Path) -> None:
    unknown = {"provider": "any", "model": "nobodys/echo"}
    config = configure(unknown, runtime={"answers_dir": str(tmp_path), "max_cost_usd": None})
    with pytest.raises(UserError, match=r"llm\.model: LiteLLM knows no provider 'nobodys'"):
        ask(config, "Say hello.")
