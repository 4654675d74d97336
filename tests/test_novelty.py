import gzip
import itertools
import json
import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from stages.contract.errors import SeedlingError
from stages.novelty.pool import NoveltyPool, Verdict
from stages.novelty.rouge import rouge_l
from stages.novelty.tokens import rouge_tokens

LAW = settings(deadline=None, derandomize=True)
THRESHOLD = 0.7
SCORER = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
WORDS = [f"w{number}" for number in range(2000)]
PUBLISHED = Path(__file__).parent.parent.parent / "shared" / "data"
ALPACA = PUBLISHED / "alpaca_52k_instructions.jsonl.gz"

# every (lcs, n, m) up to 40 tokens whose F1 = 2 lcs / (n + m) is exactly 7/10
EXACT = [
    (lcs, n, m)
    for n in range(1, 41)
    for m in range(1, 41)
    for lcs in range(1, min(n, m) + 1)
    if Fraction(2 * lcs, n + m) == Fraction(7, 10)
]


def new_pool(threshold: float = THRESHOLD, texts: Sequence[str] = (), workers: int = 1) -> NoveltyPool:
    pool = NoveltyPool(threshold, rouge_tokens, workers)
    pool.add(texts)
    return pool


def rouge_score_of(one: str, other: str) -> float:
    return float(SCORER.score(one, other)["rougeL"].fmeasure)


def expected_verdict(text: str, pool: Sequence[str]) -> Verdict:
    """Judge as the published loop does, with rouge-score against every text of the pool."""
    scores = [rouge_score_of(member, text) for member in pool]
    tokens = rouge_tokens(text)
    identical = bool(tokens) and any(rouge_tokens(member) == tokens for member in pool)
    nearest = sorted(enumerate(scores), key=lambda pair: (-pair[1], pair[0]))[:10]
    closest = max(scores, default=0.0)
    mean = float(np.mean(scores)) if scores else 0.0
    return Verdict(closest <= THRESHOLD and not identical, closest, nearest, mean, identical)


def expected_verdicts(texts: Sequence[str]) -> list[Verdict]:
    verdicts, pool = list[Verdict](), list[str]()
    for text in texts:
        verdicts.append(expected_verdict(text, pool))
        if verdicts[-1].accepted:
            pool.append(text)
    return verdicts


def pair_of(lcs: int, n: int, m: int) -> tuple[str, str]:
    """Return two texts of n and m tokens that share a subsequence of `lcs` tokens and nothing else."""
    common = [f"c{number}" for number in range(lcs)]
    one = common + [f"a{number}" for number in range(n - lcs)]
    other = [f"b{number}" for number in range(m - lcs)] + common
    return " ".join(one), " ".join(other)


def near_duplicates(count: int) -> list[str]:
    """Return texts that often score near the threshold: ten random texts and mutations of earlier texts."""
    chance = random.Random(7)  # noqa: S311
    texts = [" ".join(chance.choices(WORDS[:60], k=chance.randint(4, 14))) for _ in range(10)]
    while len(texts) < count:
        words = chance.choice(texts).split()
        for _ in range(chance.randint(0, 5)):
            place = chance.randrange(len(words))
            words[place : place + chance.randint(0, 1)] = chance.choices(WORDS[:60], k=chance.randint(0, 2))
            words = words or ["w1"]
        texts.append(" ".join(words))
    return texts


def instructions_of(lines: str) -> list[str]:
    return [json.loads(line)["instruction"] for line in lines.split("\n") if line]


@st.composite
def near_threshold(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a text and a mutation of it that keeps around 70 % of it."""
    words = draw(st.lists(st.sampled_from(WORDS[:12]), min_size=1, max_size=40))
    kept = [word for word in words if draw(st.integers(0, 9)) < 8]
    inserted = draw(st.lists(st.sampled_from(WORDS[:16]), max_size=max(1, len(words) // 3)))
    for word in inserted:
        kept.insert(draw(st.integers(0, len(kept))), word)
    return " ".join(words), " ".join(kept)


def test_40_pairs_of_lengths_score_exactly_the_threshold() -> None:
    assert len(EXACT) == 40


@pytest.mark.parametrize(("lcs", "n", "m"), EXACT, ids=[f"{lcs}_of_{n}_and_{m}" for lcs, n, m in EXACT])
def test_a_score_of_exactly_the_threshold_is_judged_as_rouge_score_judges_it(lcs: int, n: int, m: int) -> None:
    one, other = pair_of(lcs, n, m)
    [verdict] = new_pool(texts=[one]).admit([other])
    assert verdict == expected_verdict(other, [one])


def test_floating_point_rounds_24_of_the_40_exact_scores_up_and_rejects_them() -> None:
    verdicts = [new_pool(texts=[one]).admit([other])[0] for one, other in itertools.starmap(pair_of, EXACT)]
    assert sum(not verdict.accepted for verdict in verdicts) == 24


@pytest.mark.parametrize(
    ("lengths", "accepted"), [((7, 10, 10), True), ((7, 12, 8), False)], ids=["10_and_10", "12_and_8"]
)
def test_two_pairs_of_the_same_exact_score_differ_by_floating_point(
    lengths: tuple[int, int, int], accepted: bool
) -> None:
    one, other = pair_of(*lengths)
    [verdict] = new_pool(texts=[one]).admit([other])
    assert verdict.accepted is accepted


@LAW
@given(near_threshold(), st.lists(near_threshold(), max_size=4))
def test_a_verdict_near_the_threshold_equals_that_of_rouge_score(
    pair: tuple[str, str], others: list[tuple[str, str]]
) -> None:
    pool = [pair[0], *(text for other in others for text in other)]
    [verdict] = new_pool(texts=pool).admit([pair[1]])
    assert verdict == expected_verdict(pair[1], pool)


@LAW
@given(st.text(), st.text())
def test_the_score_of_any_two_texts_equals_that_of_rouge_score(one: str, other: str) -> None:
    [verdict] = new_pool(texts=[one]).admit([other])
    assert verdict.max_rouge_l == rouge_score_of(one, other)


def test_a_stream_of_near_duplicates_is_judged_as_with_rouge_score() -> None:
    texts = near_duplicates(300)
    verdicts = new_pool().admit(texts)
    assert verdicts == expected_verdicts(texts)
    assert 60 < sum(verdict.accepted for verdict in verdicts) < 240


@pytest.mark.parametrize("size", [1, 7, 40, 200])
def test_batch_size_changes_no_verdict(size: int) -> None:
    texts = near_duplicates(300)
    pool = new_pool()
    batched = [verdict for start in range(0, 300, size) for verdict in pool.admit(texts[start : start + size])]
    assert batched == new_pool().admit(texts)


def test_more_workers_change_no_verdict() -> None:
    texts = near_duplicates(300)
    assert new_pool(workers=2).admit(texts) == new_pool().admit(texts)


@pytest.mark.parametrize("length", [0, 1, 65, 256, 1000])
def test_texts_of_any_length_are_judged_as_with_rouge_score(length: int) -> None:
    chance = random.Random(length)  # noqa: S311
    pool = [" ".join(chance.choices(WORDS[:300], k=size)) for size in (0, 1, 65, 256)]
    text = " ".join(chance.choices(WORDS[:300], k=length))
    pool += [text, f"{text} and more"]
    assert new_pool(texts=pool).admit([text]) == [expected_verdict(text, pool)]


def test_a_long_text_in_a_batch_changes_no_verdict_of_the_short_ones() -> None:
    pool = near_duplicates(20)
    texts = ["w1 w2 w3 w4", " ".join(WORDS[:1000]), "w5 w6 w7"]
    apart = new_pool(texts=pool)
    assert new_pool(texts=pool).admit(texts) == [apart.admit([text])[0] for text in texts]


def test_the_nearest_are_ten_with_equal_scores_in_the_order_of_the_pool() -> None:
    texts = [f"name two birds of region{number}" for number in range(30)]
    pool = new_pool(texts=[*texts[:15], "name two birds of a", *texts[15:]])
    [verdict] = pool.admit(["name two birds of a warm country"])
    assert [index for index, _ in verdict.nearest] == [15, *range(9)]
    assert [score for _, score in verdict.nearest] == sorted((score for _, score in verdict.nearest), reverse=True)


def test_fewer_than_ten_texts_are_all_among_the_nearest() -> None:
    [verdict] = new_pool(texts=["one two", "three four", "two"]).admit(["two"])
    assert verdict.nearest == [(2, 1.0), (0, 2 / 3), (1, 0.0)]


def test_the_mean_score_covers_every_text_of_the_pool() -> None:
    [verdict] = new_pool(texts=["one two", "three four", "two", "five"]).admit(["two six"])
    assert verdict.mean_rouge_l == pytest.approx((0.5 + 0 + 2 / 3 + 0) / 4)


def test_a_rejected_text_does_not_join_the_pool() -> None:
    pool = new_pool()
    pool.admit(["name a river in france", "name a river in france please", "sort the words"])
    assert len(pool) == 2


def test_an_accepted_text_is_compared_with_later_ones_of_its_batch() -> None:
    [_, second] = new_pool().admit(["name a river in france", "name a river in france please"])
    assert not second.accepted
    assert second.nearest == [(0, rouge_score_of("name a river in france", "name a river in france please"))]


def test_comparing_leaves_the_pool_unchanged_and_judges_each_text_alone() -> None:
    pool = NoveltyPool(THRESHOLD, rouge_tokens)
    pool.add(["name a river", "sort the words by length"])
    texts = ["name a lake", "name a lake", "sort the words by length"]
    first = pool.compare(texts)
    assert (pool.compare(texts), len(pool)) == (first, 2)
    assert [verdict.accepted for verdict in first] == [True, True, False]
    assert first == [expected_verdict(text, ["name a river", "sort the words by length"]) for text in texts]


def test_admit_equals_compare_and_add_for_one_text_at_a_time() -> None:
    texts = near_duplicates(300)
    whole, single = NoveltyPool(THRESHOLD, rouge_tokens), NoveltyPool(THRESHOLD, rouge_tokens)
    verdicts = []
    for text in texts:
        [verdict] = single.compare([text])
        verdicts.append(verdict)
        if verdict.accepted:
            single.add([text])
    assert whole.admit(texts) == verdicts


def test_added_texts_join_the_pool_without_a_verdict() -> None:
    pool = new_pool(texts=["name a river", "name a river", ""])
    assert len(pool) == 3


def test_a_large_pool_finds_a_near_duplicate_anywhere() -> None:
    pool = new_pool(texts=[f"alpha{number} beta{number} gamma{number}" for number in range(3000)])
    [verdict] = pool.admit(["alpha2999 beta2999 delta"])
    assert verdict.nearest[0] == (2999, 2 / 3)


@pytest.mark.parametrize(
    "twin",
    ["Name a river.", "name A RIVER!", "  name\ta\nriver  "],
    ids=["same_text", "other_case_and_punctuation", "other_white_space"],
)
def test_the_same_sequence_of_tokens_is_rejected_even_at_threshold_1(twin: str) -> None:
    [verdict] = new_pool(1.0, ["Name a river."]).admit([twin])
    assert (verdict.accepted, verdict.identical, verdict.max_rouge_l) == (False, True, 1.0)


def test_all_but_the_same_sequence_of_tokens_is_accepted_at_threshold_1() -> None:
    verdicts = new_pool(1.0, ["name a river"]).admit(["name a river please", "river a name", "name a river name a"])
    assert [verdict.accepted for verdict in verdicts] == [True, True, True]


def test_a_duplicate_in_the_same_batch_is_identical() -> None:
    verdicts = new_pool(1.0).admit(["name a river", "Name a river!"])
    assert [verdict.identical for verdict in verdicts] == [False, True]


def test_a_duplicate_of_a_rejected_text_is_not_identical() -> None:
    pool = new_pool(texts=["name a river in france"])
    verdicts = pool.admit(["name a river in france please", "name a river in france please"])
    assert [(verdict.accepted, verdict.identical) for verdict in verdicts] == [(False, False), (False, False)]


@pytest.mark.parametrize("text", ["", "?!", "为什么", " \n"], ids=["empty", "punctuation", "another_script", "blank"])
def test_a_text_without_tokens_scores_0_and_is_never_identical(text: str) -> None:
    verdicts = new_pool(texts=["name a river", text]).admit([text, text])
    assert verdicts == [
        Verdict(True, 0.0, [(0, 0.0), (1, 0.0)], 0.0, False),
        Verdict(True, 0.0, [(0, 0.0), (1, 0.0), (2, 0.0)], 0.0, False),
    ]


def test_an_empty_batch_has_no_verdicts() -> None:
    assert new_pool().admit([]) == new_pool(texts=["name a river"]).admit([]) == []


@pytest.mark.parametrize("text", ["name a river", ""], ids=["words", "no_words"])
def test_the_first_text_of_an_empty_pool_is_accepted_with_scores_of_0(text: str) -> None:
    assert new_pool().admit([text]) == [Verdict(True, 0.0, [], 0.0, False)]


def test_nothing_is_accepted_below_threshold_0() -> None:
    pool = new_pool(-1.0)
    assert [verdict.accepted for verdict in pool.admit(["name a river", ""])] == [False, False]
    assert len(pool) == 0


@pytest.mark.slow
def test_more_distinct_tokens_than_code_points_raise_an_error() -> None:
    pool = NoveltyPool(THRESHOLD, str.split)
    with pytest.raises(SeedlingError, match="more than 1,114,112 distinct tokens"):
        pool.add([" ".join(map(str, range(0x110000 + 1)))])


def test_surrogate_code_points_work_as_tokens() -> None:
    words = [f"x{number}" for number in range(0xE000)]
    pool = NoveltyPool(THRESHOLD, str.split)
    pool.add([" ".join(words), " ".join(words[0xD800:0xD810])])
    [verdict] = pool.admit([" ".join(words[0xD808:0xD812])])
    assert verdict.nearest[0] == (1, rouge_score_of(" ".join(words[0xD800:0xD810]), " ".join(words[0xD808:0xD812])))


@LAW
@given(st.integers(1, 60), st.data())
def test_rouge_l_is_bit_identical_for_one_text_and_for_many(length: int, data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(0, 60), min_size=1, max_size=5))
    lcs = np.array([data.draw(st.integers(0, min(length, size))) for size in sizes])
    many = rouge_l(np.tile(lcs, 4000), length, np.tile(np.array(sizes), 4000))
    assert list(rouge_l(lcs, length, np.array(sizes))) == list(many[: len(sizes)])


def test_rouge_l_of_very_long_texts_takes_no_more_memory_than_the_pool() -> None:
    tracemalloc.start()
    [score] = rouge_l(np.array([50_000]), 100_000, np.array([100_000]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert score == 0.5
    assert peak < 10_000_000


def test_novelty_is_200_times_faster_than_the_loop_of_rouge_score() -> None:
    chance = random.Random(3)  # noqa: S311
    texts = [" ".join(chance.choices(WORDS, k=chance.randint(5, 17))) for _ in range(5080)]
    tokens = [text.split() for text in texts]
    candidates = texts[5000:]
    started = time.process_time()
    for member in tokens[:5000]:
        rouge_scorer._score_lcs(tokens[5000], member)
    published = time.process_time() - started
    ours = list[float]()
    for _ in range(3):
        pool = new_pool(-1.0, texts[:5000])
        started = time.process_time()
        for start in range(0, 80, 8):
            pool.admit(candidates[start : start + 8])
        ours.append((time.process_time() - started) / 80)
    assert published / min(ours) >= 200


@pytest.mark.slow
@pytest.mark.skipif(not ALPACA.exists(), reason=f"{ALPACA} is not here: it is published data that we do not pass on")
def test_all_52_002_published_instructions_are_admitted_and_906_score_exactly_the_threshold() -> None:
    seeds = (PUBLISHED / "upstream_seed_tasks.jsonl").read_text("utf-8")
    pool = new_pool(texts=instructions_of(seeds))
    verdicts = pool.admit(instructions_of(gzip.decompress(ALPACA.read_bytes()).decode()))
    assert len(verdicts) == 52_002
    assert all(verdict.max_rouge_l <= THRESHOLD for verdict in verdicts)
    assert sum(verdict.max_rouge_l == THRESHOLD for verdict in verdicts) == 906


def test_a_slow_installation_of_rapidfuzz_is_reported() -> None:
    script = "from stages.novelty.pool import NoveltyPool; NoveltyPool(0.7, str.split)"
    slow, fast = (
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "RAPIDFUZZ_IMPLEMENTATION": implementation},
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        for implementation in ("python", "cpp")
    )
    assert (
        slow.strip() == "rapidfuzz runs without its compiled part: novelty takes about 50 times as long; reinstall it"
    )
    assert fast == ""
