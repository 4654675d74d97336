"""Answer the requests of the pipeline like a language model: no key, no network, no cost.

wire request -> reply. The task is learned from the text of the request alone: its answer form, the instruction in it
and the number asked for. Every draw comes from one generator seeded with the sha256 of the seed and the text.
It is a demonstration: tasks are composed from the families in `families/`, answers are computed in `answers.py`.
"""

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stages.models.offline.answers import ANSWERS
from stages.models.offline.families import (
    Task,
    draw_task,
    find_task,
    load_families,
    read_json,
    redraw_slot,
    write_instruction,
)

WORDS_PER_TOKEN = 0.75
MAX_COUNT = 20  # most tasks or instances in one reply, whatever was asked for
DEFAULT_TASKS = 10
DEFAULT_INSTANCES = 1
OPEN_INSTANCES = 3  # of a completion whose heading names no number: it goes on until a stop sequence or max_tokens

# How often it misbehaves, as language models do. Round numbers; no setting of the pipeline is tuned on them.
RATES = {
    # generate, per reply
    "no_task": 0.02,  # a refusal instead of tasks
    "preamble": 0.05,  # a chatty line before the first task
    "tasks_cut": 0.02,  # stops in the middle of a task, finish_reason "length"
    # generate, per task
    "copy_shown": 0.10,  # a task of the prompt with one word changed
    "copy_own": 0.10,  # its own previous task with one slot drawn again
    "image": 0.03,  # asks for something that is not text
    # verdict, per reply
    "vague": 0.03,  # neither yes nor no
    "explained": 0.05,  # the reason follows the verdict
    # instances, per instance
    "empty": 0.03,  # no output
    "echo": 0.03,  # the output repeats the input
    "refusal": 0.02,  # the output is a refusal
    "placeholder": 0.02,  # the output is a blank to fill in
    # instances, per reply
    "instances_cut": 0.02,  # stops in the middle of an instance, finish_reason "length"
}

TAG_BLOCK = re.compile(r"<(task|input|output|label)>(.*?)</\1>", re.DOTALL)
NUMBERED = re.compile(r"^\s*\d+\.\s+(.*\S)", re.MULTILINE)
CLOSING_NUMBER = re.compile(r"(\d+)\.")
LONE_INTEGER = re.compile(r"(?<![\w.,-])\d+(?![\w-]|[.,]\d)")
WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Reply:
    """What came back, and how many tokens it took."""

    text: str
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Request:
    """What a text asks for."""

    kind: Literal["tasks", "verdict", "instances", "prose"]
    tagged: bool
    """True for the tags of chat, False for the markers of completion."""
    output_first: bool
    shown: tuple[str, ...]
    """The instructions in the text, in order; the last one is the one asked about."""
    wording: str
    """The text outside the tags; of a completion the first line."""
    first_number: int
    """The number of the first task to write in a list; 0 when the tasks are not numbered."""


def reply(text: str, *, seed: int, temperature: float | None, max_tokens: int | None, stop: Sequence[str]) -> Reply:
    """Return the model's reply to a text, the same on every machine for the same arguments.

    Args:
        text: The user message of a chat, or the prompt of a text completion.
        seed: Another seed gives another reply.
        temperature: Changes nothing: every temperature, 0 and None too, uses the one deterministic source.
        max_tokens: A longer reply is cut and its finish_reason is "length"; None for no limit.
        stop: The reply ends before the first of these strings.
    """
    digest = hashlib.sha256(f"{seed}\n{text}".encode("utf-8", "replace")).digest()
    rng = random.Random(int.from_bytes(digest))  # noqa: S311 - nothing here is secret
    request = read_request(text)
    words, is_cut = WRITERS[request.kind](request, rng)
    places = [place for place in (words.find(mark) for mark in stop if mark) if place >= 0]
    if places:
        words, is_cut = words[: min(places)], False
    ends = [match.end() for match in WORD.finditer(words)]
    allowed = len(ends) if max_tokens is None else round(max_tokens * WORDS_PER_TOKEN)
    if len(ends) > allowed:
        words, is_cut = words[: ends[allowed - 1] if allowed else 0], True
    return Reply(words, "length" if is_cut else "stop", count_tokens(text), count_tokens(words))


def count_tokens(text: str) -> int:
    """Return the tokens of a text: 1 token is 0.75 words, rounded."""
    return round(len(text.split()) / WORDS_PER_TOKEN)


def read_request(text: str) -> Request:
    """Return what a text asks for: by its tags (chat), else by its closing marker (completion), else prose."""
    blocks = TAG_BLOCK.findall(text)
    shown = tuple(body.strip() for tag, body in blocks if tag == "task" and any(map(str.isalnum, body)))
    wording = TAG_BLOCK.sub(" ", text)
    if "<output>" in text:
        return Request("instances", True, text.find("<output>") < text.find("<input>"), shown, wording, 0)
    if "<label>" in text:
        return Request("verdict", True, False, shown, wording, 0)
    if "<task>" in text:
        return Request("tasks", True, False, shown, wording, 0)
    return read_completion(text.rstrip())


def read_completion(text: str) -> Request:
    """Return what a text without tags asks for, by its last line, such as "9." or "Task: Name three fruits."."""
    heading, last = text.lstrip().partition("\n")[0], text.rpartition("\n")[2].strip()
    if number := CLOSING_NUMBER.fullmatch(last):
        return Request("tasks", False, False, tuple(NUMBERED.findall(text)), heading, int(number[1]))
    shown = tuple(line[5:].strip() for line in text.splitlines() if line.startswith("Task:"))
    if last.endswith("Is it classification?"):
        return Request("verdict", False, False, shown, heading, 0)
    if last.startswith("Task:"):
        return Request("instances", False, "Class label:" in text, shown, heading, 0)
    return Request("prose", False, False, (), heading, 0)


def read_count(request: Request, default: int) -> int:
    """Return the last integer that stands alone in the wording, 1 to MAX_COUNT; the default when there is none."""
    numbers = LONE_INTEGER.findall(request.wording)
    return min(max(int(numbers[-1][:9]), 1), MAX_COUNT) if numbers else default


def say(kind: str, rng: random.Random) -> str:
    """Return one of the stock phrases of a kind, such as a refusal."""
    return str(rng.choice(read_json("phrases.json")[kind]))


def happens(event: str, rng: random.Random) -> bool:
    """Return whether a misbehaviour of RATES happens now."""
    return rng.random() < RATES[event]


def cut_short(text: str, rng: random.Random) -> str:
    """Return a text without its end, at least its first half."""
    return text[: int(len(text) * rng.uniform(0.5, 0.9))]


def write_prose(request: Request, rng: random.Random) -> tuple[str, bool]:
    """Return a sentence or two for a text that asks for nothing known."""
    return say("prose", rng), False


def write_tasks(request: Request, rng: random.Random) -> tuple[str, bool]:
    """Return new tasks in tags or as the continuation of a numbered list, and whether the reply is cut off."""
    if happens("no_task", rng):
        return say("refusals", rng), False
    tasks = draw_instructions(request, rng)
    if request.tagged:
        text = "\n".join(f"<task>{task}</task>" for task in tasks)
        text = f"{say('preambles', rng)}\n\n{text}" if happens("preamble", rng) else text
    else:
        text = "\n".join(f"{number}. {task}" for number, task in enumerate(tasks, request.first_number))
        text = text.removeprefix(f"{request.first_number}.")
    is_cut = happens("tasks_cut", rng)
    return cut_short(text, rng) if is_cut else text, is_cut


def draw_instructions(request: Request, rng: random.Random) -> list[str]:
    """Return as many instructions as asked for; only of classification families when the wording has that word."""
    only_classes = "classification" in request.wording.lower()
    families = [family for family in load_families() if family.is_classification or not only_classes]
    instructions: list[str] = []
    previous: Task | None = None
    for _ in range(read_count(request, DEFAULT_TASKS)):
        if happens("image", rng):
            instructions.append(say("image_tasks", rng).replace("{subject}", say("image_subjects", rng)))
        elif happens("copy_shown", rng) and request.shown:
            instructions.append(change_word(rng.choice(request.shown), rng))
        else:
            is_copy = happens("copy_own", rng)
            previous = redraw_slot(previous, rng) if is_copy and previous else draw_task(families, rng)
            instructions.append(write_instruction(previous))
    return instructions


def change_word(instruction: str, rng: random.Random) -> str:
    """Return an instruction with one word changed, or with a "Please" before it."""
    synonyms = read_json("phrases.json")["synonyms"]
    words = instruction.split()
    places = [place for place, word in enumerate(words) if word in synonyms]
    if not places:
        return f"Please {instruction[:1].lower()}{instruction[1:]}"
    place = rng.choice(places)
    words[place] = synonyms[words[place]]
    return " ".join(words)


def write_verdict(request: Request, rng: random.Random) -> tuple[str, bool]:
    """Return whether the last instruction shown is a classification task, in the form asked for."""
    task = find_task(request.shown[-1]) if request.shown else None
    verdict = "yes" if task and task.family.is_classification else "no"
    if happens("vague", rng):
        return say("vague", rng), False
    text = f"<label>{verdict}</label>" if request.tagged else f" {verdict.capitalize()}"
    return f"{text}\n{say(f'because_{verdict}', rng)}" if happens("explained", rng) else text, False


def write_instances(request: Request, rng: random.Random) -> tuple[str, bool]:
    """Return instances of the last instruction shown, in the form asked for, and whether the reply is cut off."""
    task = find_task(request.shown[-1]) if request.shown else None
    count = read_count(request, DEFAULT_INSTANCES if request.tagged else OPEN_INSTANCES)
    pairs = draw_pairs(task, count, request.output_first, rng) if task else [("", say("outside", rng))]
    pairs = [spoil(pair, rng) for pair in pairs]
    write = write_tagged if request.tagged else write_marked
    text = "\n".join(write(pair, number, request.output_first) for number, pair in enumerate(pairs, 1))
    is_cut = happens("instances_cut", rng)
    return cut_short(text, rng) if is_cut else text, is_cut


def draw_pairs(task: Task, count: int, vary: bool, rng: random.Random) -> list[tuple[str, str]]:
    """Return up to `count` pairs of input and output, a single one when the task needs no input.

    No input is repeated and no output equals its input. With `vary`, outputs that no earlier pair has come first.
    """
    pairs: list[tuple[str, str]] = []
    slots = task.meanings()
    for attempt in range(30 * count):
        given, output = ANSWERS[task.family.answer](slots, rng)
        is_repeated = given == output or given in (pair[0] for pair in pairs)
        is_seen = output in (pair[1] for pair in pairs)
        if not is_repeated and not (vary and is_seen and attempt < 15 * count):
            pairs.append((given, output))
        if len(pairs) == count or not given:
            break
    return pairs


def spoil(pair: tuple[str, str], rng: random.Random) -> tuple[str, str]:
    """Return the pair, now and then with the output of a model that went wrong."""
    given, output = pair
    draw = rng.random()
    for fault, text in (
        ("empty", ""),
        ("echo", given or output),
        ("refusal", say("refusals", rng)),
        ("placeholder", say("placeholders", rng)),
    ):
        if draw < RATES[fault]:
            return given, text
        draw -= RATES[fault]
    return given, output


def write_tagged(pair: tuple[str, str], number: int, output_first: bool) -> str:
    """Return an instance as chat prompts ask for it: `<input>2 + 2</input>` and `<output>4</output>`."""
    given, output = f"<input>{pair[0]}</input>", f"<output>{pair[1]}</output>"
    return f"{output}\n{given}" if output_first else f"{given}\n{output}"


def write_marked(pair: tuple[str, str], number: int, output_first: bool) -> str:
    """Return an instance as completion prompts ask for it: "Example 1", "Input: 2 + 2", "Output: 4"."""
    given, output = pair
    if output_first:
        return f"Class label: {output}\nInput: {given}"
    return f"Example {number}\nInput: {given}\nOutput: {output}" if given else f"Output: {output}"


WRITERS = {"tasks": write_tasks, "verdict": write_verdict, "instances": write_instances, "prose": write_prose}
