"""Tests of the lectures as documents: their order, their rhythm, what they cover."""
