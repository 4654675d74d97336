"""`generate.tokenizer`, which later stages read too."""

from typing import Literal

from stages.contract.sections.base import Section


class Tokenized(Section):
    """What counts as a word when texts are compared."""

    tokenizer: Literal["rouge", "unicode"]
