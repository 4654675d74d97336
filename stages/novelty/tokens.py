"""What counts as a word when instructions are compared and measured."""

import re
import unicodedata
from collections.abc import Callable

_ROUGE_WORD = re.compile(r"[a-z0-9]+")
_WRITTEN_WITHOUT_SPACES = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"  # Thai, Lao, Burmese, Khmer, kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f])"  # Han
)


def rouge_tokens(text: str) -> list[str]:
    """Return the tokens that rouge-score finds without a stemmer: runs of a-z and 0-9 in the lower-cased text."""
    return _ROUGE_WORD.findall(text.lower())


class _Letters(dict[int, int]):
    """A translation table that keeps letters, marks and numbers of every script, and turns the rest into blanks."""

    def __missing__(self, code: int) -> int:
        kept = unicodedata.category(chr(code))[0] in "LMN"
        self[code] = code if kept else ord(" ")
        return self[code]


_LETTERS = _Letters()


def unicode_tokens(text: str) -> list[str]:
    """Return words of any script; one token per character where a script is written without spaces.

    Equal to `rouge_tokens` on ASCII text. Differs from the original, whose tokenizer keeps only a-z and 0-9:
    two identical Chinese instructions score 0 there.
    """
    letters = unicodedata.normalize("NFKC", text).lower().translate(_LETTERS)
    if not letters.isascii():
        letters = _WRITTEN_WITHOUT_SPACES.sub(r" \1 ", letters)
    return letters.split()


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {"rouge": rouge_tokens, "unicode": unicode_tokens}
