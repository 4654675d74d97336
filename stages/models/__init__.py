"""Models that run inside this process: the built-in book."""
