"""Which answers a prompt may depend on."""


def commits_before(index: int, window: int) -> int:
    """Return how many answers, in order, are committed before the prompt of request `index` is drawn.

    Changing this changes the data: prompt i shows the pool after exactly this many commits, whatever the timing.
    The window opens slowly, because with a fixed one the prompts of a small run would show only seeds. Request 4
    depends on the answer to request 0, and request 100 on the first 50 answers. From request 2 * `window` on, each
    request depends on all answers before it but the last `window` - 1.
    """
    lag = min(window, max(4, 1 + index // 2))
    return max(0, index - lag + 1)
