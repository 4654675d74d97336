"""Which answers a prompt may depend on."""


def commits_before(index: int, window: int) -> int:
    """Return how many answers, in order, are committed before the prompt of request `index` is drawn.

    This decides bytes: prompt i shows the pool as it stood after exactly so many commits, whatever the timing.
    The window opens slowly, because a flat one would let a small run see seeds only: request 4 depends on the answer to
    request 0, request 100 on the first 50, and from twice the window on each on all but the last `window` - 1.
    """
    lag = min(window, max(4, 1 + index // 2))
    return max(0, index - lag + 1)
