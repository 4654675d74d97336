"""What a prompt shows, which answers it may depend on, and how many candidates are accepted."""
