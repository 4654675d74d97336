"""Prompt templates, and the parsers that read what a model wrote."""
