"""check.raises: the student's function refuses what it should refuse."""

import re
from collections.abc import Callable

from course.check.failure import CheckFailed, check


@check
def raises(
    exception_type: type[Exception] | tuple[type[Exception], ...],
    fn: Callable,
    /,
    *args,
    match: str | None = None,
    **kwargs,
) -> None:
    """Hold that `fn(*args, **kwargs)` raises `exception_type`, its message matching the pattern `match`.

    An error that crossed from another process is recognised by its list of type names, `.mro`. The stub's
    NotImplementedError does not count as the RuntimeError that it is, unless it is asked for by name.

    Raises CheckFailed if nothing, or something else, is raised; ValueError if any error would do.
    """
    wanted = exception_type if isinstance(exception_type, tuple) else (exception_type,)
    if any(kind in (Exception, BaseException) for kind in wanted):
        raise ValueError("check.raises: name the error; Exception would accept a slip of the pen")
    spoken = " or ".join(kind.__name__ for kind in wanted)
    try:
        fn(*args, **kwargs)
    except Exception as error:
        names = type_names(error)
        if names[0] == "NotImplementedError" and NotImplementedError not in wanted:
            raise
        if not any(kind.__name__ in names for kind in wanted):
            raise CheckFailed(f"expected {spoken}, got {names[0]}", details=f"{names[0]}: {text(error)}") from error
        if match is not None and not re.search(match, text(error)):
            hint = f"{names[0]} was raised, as it should be, but its message does not speak of {match!r}"
            raise CheckFailed(hint, details=f"yours says: {text(error)}") from error
        return
    raise CheckFailed(f"expected {spoken}, but nothing was raised")


def type_names(error: BaseException) -> list[str]:
    """The names of an error's type and its base types, of an error from here or from another process."""
    remote = getattr(error, "mro", None)
    if isinstance(remote, list | tuple) and remote:
        return [str(name) for name in remote]
    return [kind.__name__ for kind in type(error).__mro__]


def text(error: BaseException) -> str:
    """An error's message, of an error from here or from another process."""
    remote = getattr(error, "message", None)
    return remote if isinstance(remote, str) else str(error)
