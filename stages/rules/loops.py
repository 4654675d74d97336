"""Finds loops: a model that writes one word, phrase or line over and over."""

import re

from stages.rules.words import any_of

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?|_+")
_GRAM = 4  # tokens that are compared at a time
_TIMES = 4  # copies of a phrase that make a loop
_LENGTH = 12  # tokens in a loop at least, so a single word has to come twelve times
_TIMES_MEANT = 8  # copies that make one in verse, tables and programs, which repeat phrases on purpose
# "aaaa…" or "hahaha…", thirty copies at least: people write a scream or a laugh shorter than that
_LETTERS = re.compile(r"([^\W\d_]{1,4})\1{29,}")
_SIGNS_OF_CODE = re.compile(r"[;{}=<>|]|\w\(")
_HAS_WORD = re.compile(r"[^\W\d_]{2}")
_MARK = re.compile(r"\A\s*(?:\d{1,3}[.):]|[-*•])\s+")

_ASKED = any_of(  # a task that wants one thing many times
    r"repeat\w*|repetiti\w+|\d+ times|(?:two|three|four|five|six|seven|eight|ten|twelve|twenty|hundred) times"
    r"|copies|over and over"
)
_VERSE = any_of(
    r"songs?|chorus(?:es)?|refrains?|lyrics|chants?|mantras?|poems?|rhymes?|verses?|lullab\w+|stanzas?|mantra"
    r"|cheer"
)


def loop(text: str, instruction: str = "") -> str:
    """Return the repeated words if a text holds a loop; empty if there is none or the task asks for repetition.

    Makes one pass: if runs of tokens keep coming back at the same distance, that distance is the period of the loop.
    """
    if _ASKED.search(instruction):
        return ""
    if letters := _LETTERS.search(text):
        return letters[0]
    spans = list(_TOKEN.finditer(text))
    words = [span[0].casefold() for span in spans]
    last: dict[tuple[str, ...], int] = {}
    period, since = 0, 0
    for index in range(len(words) - _GRAM + 1):
        gram = tuple(words[index : index + _GRAM])
        distance = index - last.get(gram, index)
        if distance != period:
            period, since = distance, index
        last[gram] = index
        length = index + _GRAM - since + period  # tokens since the first copy began
        enough, meant = (max(_LENGTH, times * period) for times in (_TIMES, _TIMES_MEANT))
        if not period or length not in (enough, meant):
            continue
        found = text[spans[since - period].start() : spans[index + _GRAM - 1].end()]
        if all(len(word) < 2 or word.isdigit() for word in words[since - period : since]):
            continue  # rows of zeros, boards, bases of DNA
        if length == meant or not (_VERSE.search(instruction) or _SIGNS_OF_CODE.search(found)):
            return found
    return ""


def repeated_line(text: str, instruction: str, given: str) -> str:
    """Return a line that comes four times or more in a row; empty if there is none or the input has as many items.

    Verse needs eight copies. Lines without a word (closing braces, rows of a board) do not count as a loop, and neither
    do lines that differ in indentation.
    """
    if _ASKED.search(instruction):
        return ""
    enough = _TIMES_MEANT if _VERSE.search(instruction) else _TIMES
    lines = [_MARK.sub("", line).rstrip() for line in text.splitlines() if line.strip()]
    items = max(given.count(sign) for sign in "\n,;") + 1
    count = 0
    for number, line in enumerate(lines):
        count = count + 1 if number and line == lines[number - 1] else 1
        if count >= enough and items < count and _HAS_WORD.search(line) and not _SIGNS_OF_CODE.search(line):
            return line
    return ""
