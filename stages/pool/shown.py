"""Which seeds prompts may show."""

import difflib
from collections.abc import Sequence

from stages.contract.config import Generate
from stages.contract.errors import UserError
from stages.contract.records import SeedTask


def is_shown(seed: SeedTask, generate: Generate) -> bool:
    """Whether prompts may show a seed; those they may not show still stand in the pool."""
    wanted = not generate.domains or seed.domain in generate.domains
    return wanted and (seed.is_classification or not generate.classification_only)


def check_seeds(seeds: Sequence[SeedTask], path: str, generate: Generate) -> None:
    """Raise a UserError when a domain names no seed, or when no seed is left to be shown."""
    domains = sorted({seed.domain for seed in seeds if seed.domain})
    if unknown := [domain for domain in generate.domains if domain not in domains]:
        close = difflib.get_close_matches(unknown[0], domains, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(domains) or 'none'}"
        raise UserError(f"generate.domains: {unknown[0]!r} is the domain of no seed in {path}; {hint}")
    if not any(is_shown(seed, generate) for seed in seeds):
        raise UserError(f"{path}: no classification task for generate.classification_only; add one")
