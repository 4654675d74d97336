"""Records for tests, with defaults for the fields that do not matter."""

from typing import Any

from stages.contract.records import Answer, Instance, Instruction, SeedTask, Task

NOTICE = "Demonstration data from a built-in book of hand-written tasks, not from a language model."
"""The notice that accompanies data of the built-in model everywhere."""

_INSTRUCTION: dict[str, Any] = {
    "id": "ins-1",
    "instruction": "Sort the words.",
    "prompted_by": [],
    "focus": "",
    "request_idx": 0,
    "instruction_answer": "k",
    "most_similar": [],
    "avg_similarity_score": 0.0,
}


def instruction(**changes: Any) -> Instruction:
    return Instruction(**{**_INSTRUCTION, **changes})


def task(raw_instances: str, **changes: Any) -> Task:
    filled = {
        **_INSTRUCTION,
        "is_classification": False,
        "raw_classification": "no",
        "classification_answer": "k",
        "raw_instances": raw_instances,
        "finish_reason": "stop",
        "instances_answer": "k",
        "model": "openai/test",
    }
    return Task(**{**filled, **changes})


def instance(**changes: Any) -> Instance:
    filled: dict[str, Any] = {
        "id": "ins-1-0",
        "instruction_id": "ins-1",
        "instruction": "Sort the words.",
        "input": "b a",
        "output": "a b",
        "is_classification": False,
        "source": "machine",
        "model": "openai/test",
        "flags": [],
    }
    return Instance(**{**filled, **changes})


def seed(name: str, text: str, **changes: Any) -> SeedTask:
    filled: dict[str, Any] = {
        "id": name,
        "instruction": text,
        "instances": [{"input": "b a", "output": "a b"}],
        "is_classification": False,
    }
    return SeedTask(**{**filled, **changes})


def answer(text: str, **changes: Any) -> Answer:
    filled: dict[str, Any] = {
        "key": "k",
        "model": "openai/test",
        "served_by": "test",
        "text": text,
        "reasoning": "",
        "finish_reason": "stop",
        "prompt_tokens": 1,
        "cached_tokens": 0,
        "completion_tokens": 1,
        "reasoning_tokens": 0,
        "cost_usd": 0.0,
        "dropped_parameters": [],
    }
    return Answer(**{**filled, **changes})
