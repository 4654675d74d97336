"""The way to a model: client, faults, limits, budget and progress."""
