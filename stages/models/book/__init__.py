"""The built-in model: a book of tasks written by hand, dealt out as a language model would answer."""
