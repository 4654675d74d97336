"""Check the seeds before the first request, so that a run that cannot work costs nothing."""

import difflib
from collections.abc import Sequence

from stages.contract.errors import UserError
from stages.contract.records import SeedTask
from stages.contract.sections.generate import Generate
from stages.draw.shown import is_shown
from stages.novelty.pool import NoveltyPool
from stages.novelty.tokens import TOKENIZERS, unicode_tokens


def check_seeds(seeds: Sequence[SeedTask], path: str, generate: Generate) -> None:
    """Raise a UserError if no prompt can show these seeds, or if candidates like them could not be kept."""
    _refuse_unknown_domains(seeds, path, generate)
    shown = [seed for seed in seeds if is_shown(seed, generate)]
    if not shown:
        raise UserError(f"{path}: no classification task for generate.classification_only; add one")
    if unseen := [seed for seed in shown if not is_seen(seed.instruction, generate.tokenizer)]:
        raise UserError(
            f"{path}: generate.tokenizer={generate.tokenizer} reads only a-z and 0-9, so it cannot compare "
            f"{len(unseen):,} of {len(shown):,} seeds, such as {unseen[0].id!r}, or any task like them; "
            "run `seedling run generate.tokenizer=unicode`"
        )
    pool = NoveltyPool(1.0, TOKENIZERS[generate.tokenizer])
    pool.add([shown[0].instruction])
    if len(shown) > 1 and all(pool.compare([seed.instruction])[0].identical for seed in shown[1:]):
        raise UserError(
            f"{path}: all {len(shown):,} seeds have the same instruction; write them as one seed with several "
            "instances, and add seeds with others"
        )


def is_seen(text: str, tokenizer: str) -> bool:
    """Return True if a tokenizer finds tokens in at least half of the words of a text."""
    words = unicode_tokens(text)
    return 2 * sum(bool(TOKENIZERS[tokenizer](word)) for word in words) >= len(words)


def doubt_about(seeds: Sequence[SeedTask], generate: Generate) -> str:
    """Return a warning about seeds that a run can start with but that will make it poor; empty if there is none."""
    shown = [seed.instruction for seed in seeds if is_shown(seed, generate)]
    pool = NoveltyPool(generate.rouge_threshold, TOKENIZERS[generate.tokenizer])
    pool.add(shown[:1])
    if len(shown) < 2 or any(pool.compare([text])[0].accepted for text in shown[1:]):  # stops at the first one
        return ""
    return (
        f"all {len(shown):,} seeds are alike (ROUGE-L above {generate.rouge_threshold}), so prompts show one task "
        "several times; write seeds that differ"
    )


def _refuse_unknown_domains(seeds: Sequence[SeedTask], path: str, generate: Generate) -> None:
    domains = sorted({seed.domain for seed in seeds if seed.domain})
    if unknown := [domain for domain in generate.domains if domain not in domains]:
        close = difflib.get_close_matches(unknown[0], domains, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(domains) or 'none'}"
        raise UserError(f"generate.domains: no seed in {path} has the domain {unknown[0]!r}; {hint}")
