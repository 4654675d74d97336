"""Keeps keys out of what is stored and shown: servers repeat them in errors and even in answers."""

import os
import re

_NAMED_AS_SECRET = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)(_|$)", re.IGNORECASE)
_SHORTEST = 16  # characters; a shorter key, such as "EMPTY" for one's own server, may be a word of an answer


class Secrets:
    """The key of a model and all variables of the environment named like a secret: LiteLLM may send those too."""

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
        """Return the text of an error with `***` in place of secrets, including the key if it is short."""
        text = self.blotted(text)
        return text.replace(self._key, "***") if self._key else text
