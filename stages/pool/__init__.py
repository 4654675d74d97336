"""Which tasks a prompt shows, and which candidates may be judged at all."""
