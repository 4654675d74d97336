"""The commands of `seedling`, one module each, and how they run DVC."""
