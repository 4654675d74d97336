"""The exact measure of novelty: tokens, ROUGE-L, and the pool that new instructions are compared with."""
