"""Keys that a server repeats, in an error or in an answer, are not written down."""

import os
import re

_NAMED_AS_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)(_|$)", re.IGNORECASE)
_SHORTEST = 16  # characters; something shorter, as "EMPTY" for an own server, may be a word of an answer


class Secrets:
    """The key of a model, and what else the environment holds under the name of a secret: LiteLLM may send that too."""

    def __init__(self, key: str | None) -> None:
        self._key = key or ""
        named = [value for name, value in os.environ.items() if _NAMED_AS_SECRET.search(name)]
        long = {value.strip() for value in [self._key, *named] if len(value.strip()) >= _SHORTEST}
        self._long = sorted(long, key=len, reverse=True)

    def blotted(self, text: str) -> str:
        """Return a text with `***` in place of secrets of 16 characters or more."""
        for secret in self._long:
            text = text.replace(secret, "***")
        return text

    def blotted_error(self, text: str) -> str:
        """Return the text of an error with `***` in place of secrets, and of the key however short it is."""
        text = self.blotted(text)
        return text.replace(self._key, "***") if self._key else text
