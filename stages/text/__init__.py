"""What text is: tokens, similarity, prompts, and reading what a model wrote."""
