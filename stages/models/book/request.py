"""What a request asks for, read from its text alone: tasks, a verdict or instances, and in which form."""

import re
from dataclasses import dataclass
from typing import Literal

MAX_COUNT = 20  # tasks or instances in one reply, whatever was asked for

_TAG_BLOCK = re.compile(r"<(task|input|output|label)>(.*?)</\1>", re.DOTALL)
_NUMBERED = re.compile(r"^\s*\d+\.\s+(.*\S)", re.MULTILINE)
_CLOSING_NUMBER = re.compile(r"(\d+)\.")
_LONE_INTEGER = re.compile(r"(?<![\w.,-])\d+(?![\w-]|[.,]\d)")
_FOCUS = re.compile(r"(?:should fit|From number \d+ on)[^:\n]*: (.*\S)")


@dataclass(frozen=True)
class Asked:
    """What a text asks for."""

    kind: Literal["tasks", "verdict", "instances", "prose"]
    tagged: bool
    """True for the tags of chat, False for the markers of completion."""
    output_first: bool
    shown: tuple[str, ...]
    """The instructions in the text, in order; the last one is the one asked about."""
    wording: str
    """The text outside the tags; of a completion its first line."""
    first_number: int
    """The number of the first task to write in a list; 0 when the tasks are not numbered."""

    @property
    def focus(self) -> str:
        """The kind of task wanted; empty when none is named."""
        found = _FOCUS.search(self.wording)
        return found[1] if found else ""

    @property
    def only_classification(self) -> bool:
        """Whether only classification tasks are wanted."""
        return "classification" in self.wording.lower()

    def count(self, default: int) -> int:
        """Return how many are asked for: the last integer that stands alone in the wording, 1 to MAX_COUNT."""
        numbers = _LONE_INTEGER.findall(self.wording)
        return min(max(int(numbers[-1][:9]), 1), MAX_COUNT) if numbers else default


def read_request(text: str) -> Asked:
    """Return what a text asks for: by its tags (chat), else by its closing marker (completion), else prose."""
    blocks = _TAG_BLOCK.findall(text)
    shown = tuple(body.strip() for tag, body in blocks if tag == "task" and any(map(str.isalnum, body)))
    wording = _TAG_BLOCK.sub(" ", text)
    if "<output>" in text:
        return Asked("instances", True, text.find("<output>") < text.find("<input>"), shown, wording, 0)
    if "<label>" in text:
        return Asked("verdict", True, False, shown, wording, 0)
    if "<task>" in text:
        return Asked("tasks", True, False, shown, wording, 0)
    return _read_completion(text.rstrip())


def _read_completion(text: str) -> Asked:
    """Return what a text without tags asks for, by its last line, such as `9.` or `Task: Name three fruits.`."""
    heading, last = text.lstrip().partition("\n")[0], text.rpartition("\n")[2].strip()
    if number := _CLOSING_NUMBER.fullmatch(last):
        return Asked("tasks", False, False, tuple(_NUMBERED.findall(text)), heading, int(number[1]))
    shown = tuple(line[5:].strip() for line in text.splitlines() if line.startswith("Task:"))
    if last.endswith("Is it classification?"):
        return Asked("verdict", False, False, shown, heading, 0)
    if last.startswith("Task:"):
        return Asked("instances", False, "Class label:" in text, shown, heading, 0)
    return Asked("prose", False, False, (), heading, 0)
