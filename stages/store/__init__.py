"""What was asked of a model and what it answered, kept on disk. No network."""
