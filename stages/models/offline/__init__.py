"""The built-in demonstration model `offline/procedural`: composes tasks from families and computes their answers."""
