"""The one error that a user of the command line is meant to see."""


class CourseError(Exception):
    """Something the user can mend: one clear line that says what to do, and the exit code of the command.

    Exit code 2 is a matter of usage (a wrong name, a missing folder); 1 means that the work could not be finished.
    """

    def __init__(self, message: str, exit_code: int = 2):
        super().__init__(message)
        self.exit_code = exit_code
