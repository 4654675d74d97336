"""Requests to models and their answers, kept on disk. Nothing here uses the network."""
