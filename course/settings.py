"""The course's settings: `course.toml`, beside nbgrader_config.py. All has a default, so the file may be empty."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from course.errors import CourseError

FILE = "course.toml"
ADDRESS = re.compile(r"https://[\w.-]+(/[\w.~-]+)+")


@dataclass(frozen=True)
class Settings:
    """What `course.toml` says.

    address: where students find the public repository, `https://HOST/OWNER/NAME`; "" while there is none.
    """

    address: str = ""


def read_settings(root: Path) -> Settings:
    """Read ROOT/course.toml; without one, the defaults. CourseError names the entry that makes no sense."""
    path = root / FILE
    if not path.is_file():
        return Settings()
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CourseError(f"{path} can't be read: {error}") from None
    if unknown := sorted(tables.keys() - Settings.__dataclass_fields__.keys()):
        known = ", ".join(Settings.__dataclass_fields__)
        raise CourseError(f"{path}: nothing is called {unknown[0]!r}; there is {known}")
    return Settings(address=_address(path, tables.get("address", "")))


def _address(path: Path, address: object) -> str:
    if not isinstance(address, str) or (address and not ADDRESS.fullmatch(address)):
        raise CourseError(f'{path}: address is {address!r}; it is "" or an address like "https://HOST/OWNER/NAME"')
    return address
