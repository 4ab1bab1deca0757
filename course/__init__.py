"""Attention and transformers: the library that the lectures, the assignments and the grader share."""
