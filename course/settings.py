"""The course's settings: `course.toml`, beside nbgrader_config.py. All has a default, so the file may be empty."""

import re
import tomllib
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path

from course.errors import CourseError

FILE = "course.toml"
DUE_LIKE = "2026-10-19T23:59:00+02:00"
ADDRESS = re.compile(r"https://[\w.-]+(/[\w.~-]+){2,}")


@dataclass(frozen=True)
class Late:
    """What lateness costs; by default nothing. course/grading/late.py does the arithmetic.

    grace_minutes: so much after the due date is in time yet; what lateness costs is counted from its end.
    percent_a_day: of the points that the submission earned, for each day that has begun.
    at_most_percent: what lateness takes at most.
    days: after so many days nothing counts, whatever at_most_percent says (0: nothing that is late); None: never.
    """

    grace_minutes: float = 0
    percent_a_day: float = 0
    at_most_percent: float = 100
    days: int | None = None


@dataclass(frozen=True)
class Attempts:
    """Which of a student's attempts counts: the "last", or the "best" among the first `at_most` (0: among all)."""

    count: str = "last"
    at_most: int = 0


@dataclass(frozen=True)
class Settings:
    """What `course.toml` says.

    address: where students find the public repository, `https://HOST/OWNER/NAME`; "" while there is none.
    due: assignment -> when it is due, with its offset from UTC; one that is not here has the due date that formgrader
    gave it, or none.
    """

    address: str = ""
    due: dict[str, datetime] = field(default_factory=dict)
    late: Late = Late()
    attempts: Attempts = Attempts()


def read_settings(root: Path) -> Settings:
    """Read ROOT/course.toml; without one, the defaults. CourseError names the entry that makes no sense."""
    path = root / FILE
    if not path.is_file():
        return Settings()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CourseError(f"{path} can't be read: {error} (a due date is written {DUE_LIKE})") from None
    if unknown := sorted(tables.keys() - Settings.__dataclass_fields__.keys()):
        known = ", ".join(Settings.__dataclass_fields__)
        raise CourseError(f"{path}: nothing is called {unknown[0]!r}; there is {known}")
    return Settings(
        address=_address(path, tables.get("address", "")),
        due=_due(path, tables.get("due", {})),
        late=_late(path, tables.get("late", {})),
        attempts=_attempts(path, tables.get("attempts", {})),
    )


def _address(path: Path, address: object) -> str:
    if not isinstance(address, str) or (address and not ADDRESS.fullmatch(address)):
        raise CourseError(f'{path}: address is {address!r}; it is "" or an address like "https://HOST/OWNER/NAME"')
    return address


def _due(path: Path, table: object) -> dict[str, datetime]:
    for assignment, moment in _entries(path, "due", table, None).items():
        # Years: the ends of the calendar can't be told in UTC.
        if not isinstance(moment, datetime) or moment.tzinfo is None or not 2000 <= moment.year < 3000:
            shown = moment.isoformat() if isinstance(moment, date | time) else repr(moment)
            raise CourseError(
                f"{path}: [due] {assignment} is {shown}; it is a date, a time and an offset from UTC, without quotes, "
                f"like {DUE_LIKE}"
            )
    return dict(table)


def _late(path: Path, table: object) -> Late:
    entries = _entries(path, "late", table, Late)
    for name, most in (("grace_minutes", 7 * 24 * 60), ("percent_a_day", 100), ("at_most_percent", 100)):
        _number(path, f"[late] {name}", entries.get(name, 0), most, whole=False)
    if "days" in entries:
        _number(path, "[late] days", entries["days"], 366, whole=True)
    return Late(**entries)


def _attempts(path: Path, table: object) -> Attempts:
    entries = _entries(path, "attempts", table, Attempts)
    if entries.get("count", "last") not in ("last", "best"):
        raise CourseError(f'{path}: [attempts] count is {entries["count"]!r}; it is "last" or "best"')
    _number(path, "[attempts] at_most", entries.get("at_most", 0), 1000, whole=True)
    if entries.get("at_most") and entries.get("count", "last") == "last":
        raise CourseError(f'{path}: [attempts] at_most says among how many the best counts; write count = "best", too')
    return Attempts(**entries)


def _entries(path: Path, name: str, table: object, known: type | None) -> dict:
    """The entries of a table, of which `known` has a field for each."""
    if not isinstance(table, dict):
        raise CourseError(f"{path}: {name} is {table!r}; it is a table, [{name}], with its entries below it")
    fields = known.__dataclass_fields__ if known else table
    if unknown := sorted(table.keys() - fields.keys()):
        raise CourseError(f"{path}: [{name}] has nothing called {unknown[0]!r}; there is {', '.join(fields)}")
    return table


def _number(path: Path, name: str, value: object, most: int, *, whole: bool) -> None:
    right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not right or not 0 <= value <= most:
        raise CourseError(f"{path}: {name} is {value!r}; it is a {'whole ' if whole else ''}number from 0 to {most}")
