"""Measures what share of a mixed set of answers our parsers and the published rules read correctly.

    python -m benchmarks.answers

The set holds every answer in tests/answers/ and variations that do not change the parts of an answer: reasoning before
it, chat template marks around it, blank lines, another turn after it. An answer is read correctly if the result is
exactly the complete parts listed in tests/answer_table.py.

The published rules are those that Self-Instruct uses to split an answer, rewritten from a description of their effect.
Its rules about the words of a candidate are left out, since they apply after an answer is read.
"""

import re
from collections.abc import Callable
from itertools import cycle, islice

from stages.text.instances import parse_instances
from stages.text.instructions import parse_instructions
from stages.text.verdicts import parse_verdict
from tests.answer_table import Reading, readings, style

ANSWERS = 200
STYLES = ("base list", "chat tags", "chat prose", "reasoning")
VARIATIONS: tuple[Callable[[str], str], ...] = (
    lambda text: f"<think>\nWhat is asked for here?\n</think>\n\n{text}",
    lambda text: f"{text}<|im_end|>",
    lambda text: f"\n\n{text}\n\n",
    lambda text: f"<|im_start|>assistant\n{text}<|im_end|>\n<|im_start|>user\nThank you.<|im_end|>\n",
    lambda text: f"The user wants an answer in the form asked for.\n</think>\n\n{text}",
    lambda text: f"{text}</s></s>",
)


def mixed_set() -> list[Reading]:
    """Return 200 answers: those in the files, then variations of every second one that was not cut off."""
    originals = readings()
    whole = [reading for reading in originals if not reading.truncated and not reading.continues]
    varied = (
        reading._replace(text=vary(reading.text)) for reading, vary in zip(whole[::2], cycle(VARIATIONS), strict=False)
    )
    return [*originals, *islice(varied, ANSWERS - len(originals))]


def ours(reading: Reading) -> object:
    """Return the complete parts that our parsers read."""
    if reading.kind == "verdict":
        return parse_verdict(reading.text)
    if reading.kind == "instructions":
        return parse_instructions(reading.text, truncated=reading.truncated, continues=reading.continues).complete
    output_first = reading.kind == "output_first"
    found = parse_instances(reading.text, output_first=output_first, truncated=reading.truncated)
    return [(instance.input, instance.output) for instance in found if not instance.cut_off]


def published(reading: Reading) -> object:
    """Return the parts that the rules of the published code read."""
    if reading.kind == "verdict":
        return reading.text.strip() in ("Yes", "yes", "YES")
    if reading.kind == "instructions":
        if reading.truncated:  # the whole answer is dropped
            return []
        pieces = (" ".join(piece.split()) for piece in re.split(r"\n\d+\s?\. ", reading.text))
        return [piece.capitalize() for piece in pieces if piece]
    pairs = _labelled(reading.text) if reading.kind == "output_first" else _examples(reading.text)
    return pairs[:-1] if reading.truncated else pairs


def _labelled(text: str) -> list[tuple[str, str]]:
    """Return (input, label) of each piece after `Class label:`; the input is empty if there is no `Input:`."""
    pieces = (piece.split("Input:") for piece in text.split("Class label:")[1:])
    return [(piece[1].strip() if len(piece) > 1 else "", piece[0].strip()) for piece in pieces]


def _examples(text: str) -> list[tuple[str, str]]:
    """Return (input, output) of each piece after the word Example, or of the whole text if it holds `Output:`."""
    pieces = re.split(r"Example\s?\d*\.?", text)
    if len(pieces) == 1 and "Output:" not in text:  # an answer without markers is dropped
        return []
    pairs = []
    for piece in filter(str.strip, pieces):
        given, *outputs = piece.split("Output:")
        if outputs:
            pairs.append((given.rpartition("Input:")[2].strip(), outputs[0].strip()))
        else:  # the published code takes the input for the output
            pairs.append(("", piece.strip()))
    return pairs


def table() -> str:
    """Return the results as a markdown table."""
    rows = ["| style | answers | read right here | by the published rules |", "|---|---|---|---|"]
    answers = mixed_set()
    for name in (*STYLES, "together"):
        chosen = [reading for reading in answers if name in (style(reading), "together")]
        here, there = (sum(read(reading) == reading.parts for reading in chosen) for read in (ours, published))
        rows.append(f"| {name} | {len(chosen)} | {here / len(chosen):.1%} | {there / len(chosen):.1%} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    print(table())


if __name__ == "__main__":
    main()
