"""The systems of the course, a file each: the models, and only the models. Read them beside the papers they name."""
