"""Paths as they are typed."""

from pathlib import Path


def absolute(path: str) -> str:
    """Return a path typed in any folder as one that still holds at the root of the repository, where commands work."""
    return str(Path(path).absolute())
