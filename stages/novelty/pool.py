"""The pool that new instructions must differ from (paper, section 2.2: ROUGE-L against every instruction)."""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import LCSseq

from stages.contract.errors import SeedlingError
from stages.novelty.rouge import rouge_l

log = logging.getLogger(__name__)

MOST_SIMILAR = 10
_BATCH = 64  # texts compared in one call: enough for the compiled loop to run at full speed, and little memory
_PART = 16_384  # pool members in one call, so that what rapidfuzz sets up for it stays in the CPU's cache
_DISTINCT_TOKENS = 0x110000  # one code point each


class Verdict(NamedTuple):
    """How one text compares with the pool."""

    accepted: bool
    """The closest member scores at most the threshold, and none has the same tokens."""
    max_rouge_l: float
    nearest: list[tuple[int, float]]
    """Up to ten (pool index, ROUGE-L), highest score first, ties by index."""
    mean_rouge_l: float
    identical: bool
    """A member has the same sequence of tokens (texts without tokens are never identical)."""


class NoveltyPool:
    """Texts that others are compared with. Decisions, scores and ranks equal `rouge_score.RougeScorer(["rougeL"])`.

    Each distinct token becomes one code point, so that rapidfuzz compares whole texts at machine speed.
    """

    def __init__(self, threshold: float, tokenizer: Callable[[str], list[str]], workers: int = 1) -> None:
        if "cpp" not in process.cdist.__module__:
            log.warning("rapidfuzz runs without its compiled part: novelty takes about 50 times as long; reinstall it")
        self._threshold = threshold
        self._tokenizer = tokenizer
        self._workers = workers
        self._codes: dict[str, str] = {}
        self._texts: list[str] = []
        self._known: set[str] = set()
        self._lengths: NDArray[np.int32] = np.zeros(1024, np.int32)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, texts: Sequence[str]) -> None:
        """Add texts without judging them, such as the seeds."""
        for text in texts:
            self._join(self._encode(text))

    def compare(self, texts: Sequence[str]) -> list[Verdict]:
        """Return how each text compares with the pool; none of them joins it."""
        return [verdict for batch in self._batches(texts) for verdict in self._judged(batch, joining=False)]

    def admit(self, texts: Sequence[str]) -> list[Verdict]:
        """Return how each text compares with the pool; an accepted text joins before the next is compared.

        The result is that of `compare` and `add` for one text at a time, at the speed of batches.
        A text is rejected when its closest member scores above the threshold (exactly the threshold is kept, as in the
        original) or has the same tokens.
        """
        return [verdict for batch in self._batches(texts) for verdict in self._judged(batch, joining=True)]

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        for start in range(0, len(texts), _BATCH):
            yield [self._encode(text) for text in texts[start : start + _BATCH]]

    def _judged(self, coded: list[str], *, joining: bool) -> Iterator[Verdict]:
        against_pool = self._common(coded, self._texts)
        against_each_other = self._common(coded, coded) if joining else np.zeros((len(coded), 0), np.uint8)
        joined: list[int] = []  # only texts of the batch that joined count for those after them
        for index, code in enumerate(coded):
            common = np.concatenate([against_pool[index], against_each_other[index, joined]])
            scores = rouge_l(common, len(code), self._lengths[: len(self)])
            verdict = self._judge(code, scores)
            if joining and verdict.accepted:
                self._join(code)
                joined.append(index)
            yield verdict

    def _judge(self, code: str, scores: NDArray[np.float64]) -> Verdict:
        identical = bool(code) and code in self._known
        nearest = _nearest(scores)
        closest = nearest[0][1] if nearest else 0.0
        mean = float(scores.mean()) if len(scores) else 0.0
        accepted = closest <= self._threshold and not identical
        return Verdict(accepted, closest, nearest, mean, identical)

    def _encode(self, text: str) -> str:
        codes = self._codes
        for token in (tokens := self._tokenizer(text)):
            if token not in codes:
                if len(codes) == _DISTINCT_TOKENS:
                    raise SeedlingError(
                        f"novelty: more than {_DISTINCT_TOKENS:,} distinct tokens; use fewer instructions"
                    )
                codes[token] = chr(len(codes))
        return "".join([codes[token] for token in tokens])

    def _join(self, code: str) -> None:
        if len(self) == len(self._lengths):
            self._lengths = np.concatenate([self._lengths, np.zeros_like(self._lengths)])
        self._lengths[len(self)] = len(code)
        self._texts.append(code)
        self._known.add(code)

    def _common(self, texts: list[str], pool: list[str]) -> NDArray[np.integer]:
        longest = max(map(len, texts), default=0)
        kind = np.uint8 if longest < 256 else np.uint32  # nothing in common is longer than the text: a byte is enough
        parts = [pool[start : start + _PART] for start in range(0, len(pool), _PART)] or [pool]
        compare = partial(process.cdist, texts, scorer=LCSseq.similarity, dtype=kind, workers=self._workers)
        return np.concatenate([compare(part) for part in parts], axis=1)


def _nearest(scores: NDArray[np.float64]) -> list[tuple[int, float]]:
    # Sorting every score would be slow. The tenth best of a thousand maxima is at most the tenth best score, so this
    # bound leaves few to sort.
    rows = max(1, len(scores) // 1000)
    peaks = scores[: rows * 1000].reshape(rows, -1).max(axis=0)
    bound = np.partition(peaks, -MOST_SIMILAR)[-MOST_SIMILAR] if len(peaks) > MOST_SIMILAR else -1.0
    candidates = np.flatnonzero(scores >= bound)
    ranked = candidates[np.lexsort((candidates, -scores[candidates]))][:MOST_SIMILAR]
    return [(int(index), float(scores[index])) for index in ranked]
