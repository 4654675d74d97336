"""How long a provider asks to wait, in its headers or its words."""

import email.utils
import re
import time
from collections.abc import Mapping
from typing import Any

_SECONDS = {"ms": 0.001, "millisecond": 0.001, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60}
_SECONDS |= {"h": 3600, "hr": 3600, "hour": 3600, "d": 86400, "day": 86400}
_PIECE = r"(\d{1,9}(?:\.\d{1,9})?) ?(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])"
_REQUEST = re.compile(  # `retryDelay: 34s`, `Please retry in 1.2s`, `try again in 6m0s`, `retry after 20 seconds`
    r"(?:retry[ _-]?(?:delay|after|in)|try again (?:in|after)|wait(?: for)?(?: at least| another)?)\W{1,4}"
    rf"((?:{_PIECE}[ ,]*(?:and )?){{1,4}})",
    re.IGNORECASE,
)


def retry_after(headers: Mapping[str, Any]) -> float:  # Any: httpx headers hold strings, a dict may hold anything
    """Return the seconds a response's headers ask to wait; 0 if they do not, or not in a form that can be read.

    `retry-after-ms: 1500`, `retry-after: 1.5` and `retry-after: Fri, 20 Nov 2026 18:00:00 GMT` are read.
    """
    said = {str(name).lower(): str(value) for name, value in headers.items()}
    try:
        seconds = float(said["retry-after-ms"]) / 1000 if "retry-after-ms" in said else _seconds(said["retry-after"])
    except (KeyError, ValueError, OverflowError):
        return 0.0
    return seconds if 0 < seconds < float("inf") else 0.0


def wait_in(words: str) -> float:
    """Return the longest wait in seconds that an error's words ask for, such as `try again in 6m0s`; 0 for none."""
    requests = [re.findall(_PIECE, found[1], re.IGNORECASE) for found in _REQUEST.finditer(words)]
    return max((sum(float(count) * _unit(name) for count, name in pieces) for pieces in requests), default=0.0)


def _unit(name: str) -> float:
    return _SECONDS.get(name.lower()) or _SECONDS[name.lower().rstrip("s")]


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return email.utils.parsedate_to_datetime(text).timestamp() - time.time()
