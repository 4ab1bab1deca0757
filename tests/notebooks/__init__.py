"""The course's own notebooks, run from top to bottom as a reader would."""
