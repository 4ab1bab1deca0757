"""nbgrader's gradebook.db as a file: opened safely, made whole, never damaged."""

import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from course.errors import CourseError

if TYPE_CHECKING:  # nbgrader takes seconds to import: only the functions that touch the gradebook do it
    from nbgrader.api import Gradebook
    from sqlalchemy import URL
    from sqlalchemy.orm import Session

NBGRADER_TABLES = {"assignment", "notebook", "student", "grade", "comment", "alembic_version"}
# nbgrader has no place for "which text did the grader see". Without it, an answer that was rewritten after it
# was graded would keep its points unseen.
ANSWERS_SEEN = """
CREATE TABLE IF NOT EXISTS course_answer_seen (grade_id VARCHAR(32) PRIMARY KEY, sha256 VARCHAR(64))
"""
# Nor for "who gave this due date, this extension": what course.toml or `course extend` takes back must not be what
# somebody gave in another way.
DUE = "CREATE TABLE IF NOT EXISTS course_due (assignment_id VARCHAR(32) PRIMARY KEY)"
EXTENDED = "CREATE TABLE IF NOT EXISTS course_extended (submission_id VARCHAR(32) PRIMARY KEY)"


@contextmanager
def open_gradebook(path: Path, course_id: str = "") -> "Iterator[Gradebook]":
    """Open nbgrader's gradebook for one run, making the file if there is none.

    Raises:
        CourseError (exit code 1): the file is broken, foreign or cannot be written. It is left as it is.
    """
    _check_file(path)
    from nbgrader.api import Gradebook
    from sqlalchemy import text
    from sqlalchemy.exc import SAWarning, SQLAlchemyError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # SQLAlchemy 2 has much to say of nbgrader's models
        try:
            if not path.exists():
                _create(path)
            with closing(Gradebook(_url(path), course_id)) as gradebook:
                gradebook.db.execute(text(ANSWERS_SEEN))
                gradebook.db.execute(text(EXTENDED))
                gradebook.db.execute(text(DUE))
                gradebook.db.commit()
                yield gradebook
        except SQLAlchemyError as error:
            raise _gradebook_error(path, error) from None


def database_of(url: str) -> Path:
    """The file that nbgrader's `CourseDirectory.db_url` names. CourseError (exit code 1) if it is none of SQLite's."""
    from sqlalchemy import make_url

    found = make_url(url)
    if found.get_backend_name() != "sqlite" or not found.database:
        raise CourseError(
            f"CourseDirectory.db_url: the gradebook must be a file of SQLite's, not {found.drivername}", 1
        )
    return Path(found.database)


@contextmanager
def transaction(gradebook: "Gradebook") -> "Iterator[Session]":
    """All or nothing: commit at the end of the block, roll back if it fails."""
    try:
        yield gradebook.db
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise


def _check_file(path: Path) -> None:
    """Refuse a file that is no gradebook before nbgrader opens it: it would put its tables into anything."""
    try:
        if not path.exists():
            return
        # rw, not ro: SQLite rolls an interrupted write back first, which a read-only connection may not.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
            if not tables >= NBGRADER_TABLES:
                raise CourseError(f"{path}: not a gradebook of nbgrader's; move it away or name another --out", 1)
            (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise CourseError(f"{path}: the gradebook is damaged ({' '.join(state.split())[:80]})", 1)
            version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise CourseError(f"{path}: cannot be read as a gradebook ({error})", 1) from None
    if version != (_schema_version(),):
        raise CourseError(f"{path}: made by another version of nbgrader; run `nbgrader db upgrade` first", 1)


def _schema_version() -> str:
    """The schema that nbgrader expects. nbgrader itself runs `alembic`, which needn't be on the PATH."""
    import importlib.util

    from alembic.script import ScriptDirectory

    package = Path(importlib.util.find_spec("nbgrader").origin).parent  # found, not imported: that takes seconds
    return ScriptDirectory(str(package / "alembic")).get_current_head()


def _url(path: Path) -> "URL":
    from sqlalchemy import URL

    # Formgrader may hold the file for a moment: wait for it.
    return URL.create("sqlite", database=str(path), query={"timeout": "30"})


def _create(path: Path) -> None:
    """Make an empty gradebook beside its place and move it there: no half-made one is ever found."""
    from nbgrader.api import Base
    from sqlalchemy import create_engine, text

    temporary = path.parent / f".{os.getpid()}.db.tmp"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(_url(temporary))
        with engine.begin() as connection:
            connection.execute(text("BEGIN"))  # or sqlite3 would write each table to disk by itself
            Base.metadata.create_all(bind=connection)
            connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": _schema_version()})
        engine.dispose()
        os.replace(temporary, path)
    except OSError as error:
        raise _gradebook_error(path, error) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _gradebook_error(path: Path, error: Exception) -> CourseError:
    reason = getattr(error, "orig", None) or getattr(error, "strerror", None) or error
    return CourseError(f"{path}: the gradebook cannot be written ({' '.join(str(reason).split())[:120]})", 1)
