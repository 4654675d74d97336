"""Answer a request of the pipeline like a language model: no key, no network, no cost.

Stateless: what is asked, and in which form, is read from the text of the request, and every draw comes from one
generator seeded with the sha256 of the seed and the text. The same request gets the same reply on every machine.
"""

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stages.contract.records import SeedTask
from stages.models.book.book import domain_of, find, tasks
from stages.models.book.faults import RATES, cut_short, happens, near_copy, say
from stages.models.book.request import Asked, read_request

_WORDS_PER_TOKEN = 0.75
_DEFAULT_TASKS = 10  # of a prompt that names no number
_DEFAULT_INSTANCES = {True: 1, False: 3}  # by tags or not: a completion goes on until a stop sequence or max_tokens
_FROM_FOCUS, _FROM_SHOWN = 0.7, 0.2  # of the tasks dealt: of the domain of the focus, else of what the prompt shows
_WORD = re.compile(r"\S+")

Pair = tuple[str, str]
"""Input and output."""


@dataclass(frozen=True)
class Reply:
    """What comes back, and how many tokens it took."""

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


def reply(text: str, *, seed: int = 0, max_tokens: int | None = None, stop: Sequence[str] = ()) -> Reply:
    """Return the reply to a request.

    Args:
        text: the messages of a chat, or the prompt of a text completion.
        seed: another seed gives another reply to the same text.
        max_tokens: a longer reply is cut, and its finish_reason is `length`; None for no limit.
        stop: the reply ends before the first of these texts.
    """
    digest = hashlib.sha256(f"{seed}\n{text}".encode("utf-8", "replace")).digest()
    chance = random.Random(int.from_bytes(digest))  # noqa: S311  nothing here is secret
    asked = read_request(text)
    words, is_cut = _WRITERS[asked.kind](asked, chance)
    places = [place for place in (words.find(mark) for mark in stop if mark) if place >= 0]
    if places:
        words, is_cut = words[: min(places)], False
    ends = [match.end() for match in _WORD.finditer(words)]
    allowed = len(ends) if max_tokens is None else round(max_tokens * _WORDS_PER_TOKEN)
    if len(ends) > allowed:
        words, is_cut = words[: ends[allowed - 1] if allowed else 0], True
    return Reply(words, "length" if is_cut else "stop", count_tokens(text), count_tokens(words))


def count_tokens(text: str) -> int:
    """Return the tokens of a text: 1 token is 0.75 words, rounded."""
    return round(len(text.split()) / _WORDS_PER_TOKEN)


def _write_prose(_: Asked, chance: random.Random) -> tuple[str, bool]:
    return say("prose", chance), False


def _write_tasks(asked: Asked, chance: random.Random) -> tuple[str, bool]:
    """Return new tasks in tags, or as the next numbers of a list, and whether the reply is cut off."""
    if happens("no_task", chance):
        return say("no_task", chance), False
    instructions = [_dealt(task, asked, chance) for task in _deal(asked, chance)]
    if not asked.tagged:
        text = "\n".join(f"{number}. {task}" for number, task in enumerate(instructions, asked.first_number))
        text = text.removeprefix(f"{asked.first_number}.")
    elif happens("own_numbers", chance):
        half = (len(instructions) + 1) // 2
        text = "\n".join(f"**{place % half + 1}.** {task}" for place, task in enumerate(instructions))
    else:
        text = _with_talk("\n".join(f"<task>{task}</task>" for task in instructions), chance)
    is_cut = happens("tasks_cut", chance)
    return cut_short(text, chance) if is_cut else text, is_cut


def _with_talk(text: str, chance: random.Random) -> str:
    before = [say(kind, chance) for kind in ("thinking", "preamble") if happens(kind, chance)]
    after = [say("closing", chance)] if happens("closing", chance) else []
    return "\n\n".join([*before, text, *after])


def _deal(asked: Asked, chance: random.Random) -> list[SeedTask]:
    """Return as many tasks as asked for, none of them shown; some are of the domain that the prompt is about."""
    shown = {" ".join(text.split()) for text in asked.shown}
    left = [task for task in tasks() if task.instruction not in shown]
    left = [task for task in left if task.is_classification or not asked.only_classification]
    domain = domain_of(asked.focus or " ".join(asked.shown))
    share = _FROM_FOCUS if asked.focus else _FROM_SHOWN
    shuffled = chance.sample(left, len(left))
    near = [task for task in shuffled if task.domain == domain]
    far = [task for task in shuffled if task.domain != domain]
    picks = [near if chance.random() < share else far for _ in range(asked.count(_DEFAULT_TASKS))]
    return [pick.pop() for pick in picks if pick]


def _dealt(task: SeedTask, asked: Asked, chance: random.Random) -> str:
    """Return the instruction of a task, or now and then what a model writes by mistake."""
    if happens("image", chance):
        return say("image", chance)
    if asked.shown and happens("copy", chance):
        return chance.choice(asked.shown)
    if asked.shown and happens("near_copy", chance):
        return near_copy(chance.choice(asked.shown), chance)
    given = task.instances[0].input
    if given and happens("with_input", chance):
        return f"{task.instruction} {' '.join(given.split())}"
    return task.instruction


def _write_verdict(asked: Asked, chance: random.Random) -> tuple[str, bool]:
    """Return whether the last instruction shown is a classification task, in the form asked for."""
    task = find(asked.shown[-1]) if asked.shown else None
    if task is None:
        return say("unknown", chance), False
    if happens("vague", chance):
        return say("vague", chance), False
    verdict = "yes" if task.is_classification else "no"
    text = f"<label>{verdict}</label>" if asked.tagged else f" {verdict.capitalize()}"
    return f"{text}\n{say(verdict, chance)}" if happens("explained", chance) else text, False


def _write_instances(asked: Asked, chance: random.Random) -> tuple[str, bool]:
    """Return instances of the last instruction shown, in the form asked for, and whether the reply is cut off."""
    task = find(asked.shown[-1]) if asked.shown else None
    if task is None:
        return say("unknown", chance), False
    count = asked.count(_DEFAULT_INSTANCES[asked.tagged])
    pairs = [(row.input, row.output) for row in task.instances[:count]]
    if task.is_classification and len(pairs) > 1 and happens("contradiction", chance):
        pairs[-1] = (pairs[0][0], pairs[-1][1])
    pairs = [_spoilt(pair, chance) for pair in pairs]
    write = _tagged if asked.tagged else _marked
    text = "\n".join(write(pair, number, asked.output_first) for number, pair in enumerate(pairs, 1))
    is_cut = happens("instances_cut", chance)
    return cut_short(text, chance) if is_cut else text, is_cut


def _spoilt(pair: Pair, chance: random.Random) -> Pair:
    """Return the pair, now and then with what a model writes that goes wrong."""
    given, output = pair
    if not given and happens("no_input", chance):
        given = say("no_input", chance)
    wrong = {"empty": "", "echo": pair[0] or output}
    draw = chance.random()
    for fault in ("empty", "echo", "refusal", "placeholder"):
        if draw < RATES[fault]:
            return given, wrong[fault] if fault in wrong else say(fault, chance)
        draw -= RATES[fault]
    return given, output


def _tagged(pair: Pair, _: int, output_first: bool) -> str:
    """Return an instance as chat prompts ask for it: `<input>2 + 2</input>` and `<output>4</output>`."""
    given, output = f"<input>{pair[0]}</input>", f"<output>{pair[1]}</output>"
    return f"{output}\n{given}" if output_first else f"{given}\n{output}"


def _marked(pair: Pair, number: int, output_first: bool) -> str:
    """Return an instance as completion prompts ask for it: `Example 1`, `Input: 2 + 2`, `Output: 4`."""
    given, output = pair
    if output_first:
        return f"Class label: {output}\nInput: {given}"
    return f"Example {number}\nInput: {given}\nOutput: {output}" if given else f"Output: {output}"


_WRITERS = {"tasks": _write_tasks, "verdict": _write_verdict, "instances": _write_instances, "prose": _write_prose}
