"""Talking to models: the answer store, the client, the ordered window."""
