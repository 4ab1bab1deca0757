"""Corpora of the course: one file each, offline, seeded, small."""
