"""ROUGE-L F1 from longest common subsequences, in the arithmetic of rouge-score."""

import numpy as np
from numpy.typing import NDArray


def rouge_l(lcs: NDArray[np.integer], length: int, lengths: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return ROUGE-L F1 (0 to 1) of one text of `length` tokens with each of the texts of `lengths` tokens.

    `lcs` holds the lengths of the longest common subsequences. F = 2pr / (p + r) with p = lcs / n and r = lcs / m in
    float64, with rouge-score's operations in its order. The shorter 2 lcs / (n + m) rounds differently, so it decides
    differently where F is exactly the threshold. Two texts with nothing in common score 0.
    """
    if length == 0 or len(lengths) == 0:
        return np.zeros(len(lengths))
    sizes = np.arange(int(lengths.max()) + 1)
    if len(lengths) < (length + 1) * len(sizes):  # for long texts, the table is larger than the pool
        return _f1(lcs.astype(np.float64), length, lengths)
    table = _f1(np.arange(length + 1.0)[:, None], length, sizes)
    # one flat index is twice as fast as two
    scores: NDArray[np.float64] = table.ravel()[lcs.astype(np.intp) * len(sizes) + lengths]
    return scores


def _f1(common: NDArray[np.float64], length: int, lengths: NDArray[np.integer]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = common / lengths, common / length
        return np.where(common > 0, 2 * precision * recall / (precision + recall), 0.0)
