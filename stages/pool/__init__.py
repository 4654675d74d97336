"""The tasks that prompts show."""
