"""Compose tasks from families and recognise the family and the slots of an instruction.

families/*.json -> instructions. `shared.json` holds slots that several families use: a family names one as "@name".
A slot is a list of wordings, or an object from each wording to its meaning; the answer functions read meanings.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, eq=False)
class Family:
    """Tasks of one kind: their wordings, and the name of the function that answers them."""

    name: str
    domain: str
    is_classification: bool
    phrasings: tuple[str, ...]
    """Instructions with {slots}; each begins with a fixed word."""
    slots: Mapping[str, Mapping[str, str]]
    """Slot name -> wording -> meaning."""
    constants: Mapping[str, str]
    """More meanings that are the same for every task of the family."""
    answer: str
    """The name of a function in `answers.ANSWERS`."""


@dataclass(frozen=True)
class Task:
    """An instruction with the choices that made it."""

    family: Family
    phrasing: str
    wordings: Mapping[str, str]

    def meanings(self) -> dict[str, str]:
        """Return slot name -> meaning, for the slots of the phrasing and the constants."""
        return {
            **self.family.constants,
            **{slot: self.family.slots[slot][wording] for slot, wording in self.wordings.items()},
        }


@cache
def read_json(name: str) -> Any:  # Any: JSON of several shapes, all of it ours
    """Return the content of one data file of this package."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def read_words(name: str) -> Any:  # Any: a list, or an object from each word to another or to a list
    """Return one table of words.json."""
    return read_json("words.json")[name]


def read_slot(slot: str | Sequence[str] | Mapping[str, str]) -> Mapping[str, str]:
    """Return wording -> meaning of a slot as written in a family: "@shared", a list, or an object."""
    if isinstance(slot, str):
        slot = read_json("shared.json")[slot.removeprefix("@")]
    return slot if isinstance(slot, Mapping) else {wording: wording for wording in slot}


@cache
def load_families() -> tuple[Family, ...]:
    """Return all families in the order of the file names and of their place in the file."""
    return tuple(
        Family(
            name=entry["name"],
            domain=entry["domain"],
            is_classification=entry["is_classification"],
            phrasings=tuple(entry["phrasings"]),
            slots={name: read_slot(slot) for name, slot in entry["slots"].items()},
            constants=entry.get("constants", {}),
            answer=entry["answer"],
        )
        for path in sorted((FOLDER / "families").glob("*.json"))
        for entry in read_json(f"families/{path.name}")
    )


def draw_task(families: Sequence[Family], rng: random.Random) -> Task:
    """Return a task with a family, a phrasing and slots drawn evenly."""
    family = rng.choice(families)
    phrasing = rng.choice(family.phrasings)
    return Task(family, phrasing, {slot: rng.choice(list(family.slots[slot])) for slot in SLOT.findall(phrasing)})


def redraw_slot(task: Task, rng: random.Random) -> Task:
    """Return the task with one slot drawn again: a near copy."""
    slot = rng.choice(list(task.wordings))
    return Task(task.family, task.phrasing, {**task.wordings, slot: rng.choice(list(task.family.slots[slot]))})


def write_instruction(task: Task) -> str:
    """Return the phrasing with its slots filled in."""
    return SLOT.sub(lambda match: task.wordings[match[1]], task.phrasing)


@cache
def compile_phrasing(family: Family, phrasing: str) -> re.Pattern[str]:
    """Return the pattern of a phrasing: its words, and for each slot its wordings, the longest first."""
    pieces = SLOT.split(phrasing)
    for place in range(1, len(pieces), 2):
        wordings = sorted(family.slots[pieces[place]], key=len, reverse=True)
        pieces[place] = f"(?P<{pieces[place]}>{'|'.join(map(re.escape, wordings))})"
    pieces[::2] = [re.escape(piece) for piece in pieces[::2]]
    return re.compile("".join(pieces))


def find_task(instruction: str) -> Task | None:
    """Return the task that an instruction words, None when it is of no family. Whitespace does not matter."""
    words = " ".join(instruction.split())
    for family in load_families():
        for phrasing in family.phrasings:
            is_like = words.startswith(phrasing[: phrasing.index("{")])
            if is_like and (match := compile_phrasing(family, phrasing).fullmatch(words)):
                return Task(family, phrasing, match.groupdict())
    return None
