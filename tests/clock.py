"""A clock on which waiting takes no time."""

import asyncio
import selectors


class _Skip(selectors.DefaultSelector):
    """Takes no time to wait, and counts the seconds instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready after `timeout` seconds that nobody waits."""
        self.now += max(timeout or 0.0, 1e-9)  # time goes on, as it does for who waits for less than it can tell
        return super().select(0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop in which a sleep takes no time, and whose clock says it did."""

    def __init__(self) -> None:
        self._skip = _Skip()
        super().__init__(self._skip)

    def time(self) -> float:
        """Return the seconds slept."""
        return self._skip.now
