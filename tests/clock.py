"""An event loop with a simulated clock: sleeping takes no real time."""

import asyncio
import selectors


class _Skip(selectors.DefaultSelector):
    """A selector that adds each timeout to a simulated clock instead of waiting."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return the ready events and advance the clock by `timeout` seconds."""
        self.now += max(timeout or 0.0, 1e-9)  # the clock always advances, so that a timeout of 0 cannot loop forever
        return super().select(0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock advances by the length of each sleep, without sleeping."""

    def __init__(self) -> None:
        self._skip = _Skip()
        super().__init__(self._skip)

    def time(self) -> float:
        """Return the simulated seconds since the start."""
        return self._skip.now
