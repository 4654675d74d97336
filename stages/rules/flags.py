"""Doubts about an instance that do not reject it; `filter.drop_flags` turns doubts into reasons."""

import re
from collections import Counter

from stages.contract.records import Instance
from stages.rules.instances import matched
from stages.rules.table import Rules

_REFERS_TO_INPUT = re.compile(
    r"\b(?:the (?:following|given|provided)|(?:text|list|table|sentence|paragraph|passage) below|below is)\b",
    re.IGNORECASE,
)
_LOOP = 4  # times one line stands in a text where a model has fallen into a loop

FLAGS: Rules[Instance] = {
    "input_missing": lambda instance: "" if instance.input else matched(_REFERS_TO_INPUT.search(instance.instruction)),
    "output_repeats": lambda instance: repeated_line(instance.output),
}


def repeated_line(text: str) -> str:
    """Return the most frequent line of a text if it occurs four times or more, else an empty text."""
    lines = Counter(line.strip() for line in text.splitlines() if line.strip())
    [(line, count)] = lines.most_common(1) or [("", 0)]
    return line if count >= _LOOP else ""
