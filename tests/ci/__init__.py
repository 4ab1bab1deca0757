"""What continuous integration runs, run here: workflow files are linted, and their steps executed."""
