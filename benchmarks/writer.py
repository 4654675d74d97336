"""A stand-in model for benchmarks of long runs: it writes as many tasks as asked for, each unlike all others.

The built-in book knows only a few hundred tasks. These are words drawn at random, so they test speed and mean nothing.
"""

import hashlib
import random

from stages.models.book.request import Asked, read_request
from tests.llm_server import Call, Reaction, answering

_VERBS = ("describe", "compare", "sort", "explain", "count", "rewrite", "translate", "summarise", "rank", "check")
_WORDS = [f"{first}{middle}{last}" for first in "bdfgklmnprst" for middle in ("a", "ei", "o", "u") for last in "lmnrst"]


def write(call: Call) -> Reaction:
    """Return the answer to a request, the same for the same prompt and seed."""
    digest = hashlib.sha256(f"{call.body.get('seed')}\n{call.prompt}".encode()).digest()
    chance = random.Random(int.from_bytes(digest))  # noqa: S311
    return answering(text=_text(read_request(call.prompt), chance), finish_reason="stop")(call)


def _text(asked: Asked, chance: random.Random) -> str:
    if asked.kind == "tasks":
        return "\n".join(f"<task>{_sentence(chance, 12).capitalize()}.</task>" for _ in range(asked.count(10)))
    if asked.kind == "verdict":
        return f"<label>{chance.choice(['yes', 'no', 'no'])}</label>"
    pairs = [(_sentence(chance, 8), _sentence(chance, 20)) for _ in range(asked.count(1))]
    order = (1, 0) if asked.output_first else (0, 1)
    tags = ("input", "output")
    return "\n".join(f"<{tags[place]}>{pair[place]}</{tags[place]}>" for pair in pairs for place in order)


def _sentence(chance: random.Random, words: int) -> str:
    return " ".join([chance.choice(_VERBS), *chance.choices(_WORDS, k=words)])
