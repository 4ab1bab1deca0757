"""The pages of a class as its people use them: log in, formgrader, Assignment List, a notebook in JupyterLab."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, Playwright

from tests.browser.lab import page_of
from tests.hub.classroom import Classroom

SHOTS = Path(__file__).parents[2] / "build" / "hub-test"
SECOND = 1000


@contextmanager
def person(playwright: Playwright, room: Classroom, name: str) -> Iterator["Person"]:
    """A person with a browser of their own, logged in."""
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as profile,  # Chromium still writes to it while it goes
        page_of(playwright, Path(profile)) as page,
    ):
        somebody = Person(page, room, room.account(name))
        somebody.log_in()
        yield somebody


class Person:
    """One account in one browser."""

    def __init__(self, page: Page, room: Classroom, account: str):
        self.page, self.room, self.account = page, room, account
        self.server = f"{room.address}/user/{account}"

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step that names itself, and leaves a picture, where it fails."""
        try:
            yield
        except Exception as error:
            SHOTS.mkdir(parents=True, exist_ok=True)
            shot = SHOTS / f"{re.sub('[^a-z0-9]+', '-', f'{self.account} {name}'.lower())}.png"
            self.page.screenshot(path=shot)
            raise AssertionError(f"{self.account} could not {name} (picture: {shot}): {error}") from error

    def log_in(self, password: str | None = None) -> None:
        with self.step("log in"):
            self.page.goto(f"{self.room.address}/hub/login")
            self.page.locator("#username_input").fill(self.account)
            self.page.locator("#password_input").fill(password or self.room.passwords[self.account])
            self.page.locator("#login_submit").click()
            self.page.wait_for_url("**/lab**", timeout=120 * SECOND)
            self.page.locator("#jp-main-dock-panel").wait_for(timeout=90 * SECOND)

    # formgrader

    def formgrader(self, action: str, assignment: str, seconds: float = 60) -> str:
        """Press a button in the row of an assignment, and return what the page says then."""
        with self.step(f"{action} {assignment}"):
            self.page.goto(f"{self.server}/formgrader/manage_assignments")
            self.page.locator("tr", has_text=assignment).locator(f"td.{action} a").first.click()
            return self._success(seconds)

    def autograde(self, assignment: str, student: str, seconds: float = 120) -> str:
        """Press the button in the row of a submission."""
        with self.step(f"autograde {student}"):
            self.page.goto(f"{self.server}/formgrader/manage_submissions/{assignment}")
            self.page.locator("tr", has_text=student).locator("td.autograde a").first.click()
            return self._success(seconds)

    def scores(self, assignment: str, notebook: str) -> dict[str, str]:
        """For each student what formgrader's table of submissions shows, such as `9 / 100`."""
        with self.step("read the scores"):
            self._open_submissions(assignment, notebook)
            rows = self.page.locator("tbody tr")
            return {
                rows.nth(i).locator("a.name-shown").text_content(): rows.nth(i).locator("td.score").inner_text()
                for i in range(rows.count())
            }

    def give_points(self, assignment: str, notebook: str, student: str, cell: str, points: int, comment: str) -> None:
        """Type points for a manual cell and a comment beside it, on the page of a submission."""
        with self.step(f"give {student} {points} points for {cell}"):
            self._open_submissions(assignment, notebook)
            link = self.page.locator("a.name-shown", has_text=student).get_attribute("href")
            self.page.goto(f"{self.room.address}{link}")
            field = self.page.locator(f"[id='{cell}'].score")
            field.wait_for(timeout=60 * SECOND)
            self.page.wait_for_timeout(2 * SECOND)  # the page enters what it knows into its fields
            field.fill(str(points))
            field.press("Tab")
            remark = self.page.locator(f"[id='{cell}-comment'], [id='{cell}'].comment").first
            remark.fill(comment)
            remark.press("Tab")
            self.page.wait_for_timeout(2 * SECOND)

    def _open_submissions(self, assignment: str, notebook: str) -> None:
        self.page.goto(f"{self.server}/formgrader/gradebook/{assignment}/{notebook}")
        self.page.locator("tbody a.name-shown").first.wait_for(state="attached", timeout=30 * SECOND)

    def _success(self, seconds: float) -> str:
        dialog = self.page.locator(".modal.in, .modal.show").last
        dialog.get_by_text(re.compile("Success|Error")).first.wait_for(timeout=seconds * SECOND)
        self.page.wait_for_timeout(1 * SECOND)
        said = dialog.inner_text()
        if "Success" not in said.splitlines()[:4]:
            raise RuntimeError(f"formgrader says: {said[:300]} … {said[-600:]}")
        return said

    # Assignment List

    def assignment_list(self) -> Page:
        """The Assignment List in Lab, afresh."""
        page = self.page
        page.goto(f"{self.server}/lab?reset")
        page.locator("#jp-main-dock-panel").wait_for(timeout=60 * SECOND)
        page.get_by_role("menuitem", name="Nbgrader", exact=True).click()
        page.locator(".lm-Menu-item", has_text="Assignment List").click()
        page.locator("#released_assignments_list").wait_for(timeout=60 * SECOND)
        page.wait_for_timeout(3 * SECOND)
        return page

    def nbgrader_menu(self) -> str:
        page = self.page
        page.get_by_role("menuitem", name="Nbgrader", exact=True).click()
        page.wait_for_timeout(1 * SECOND)
        entries = " ".join(page.locator(".lm-Menu").all_inner_texts())
        page.keyboard.press("Escape")
        return entries

    def fetch(self, assignment: str) -> None:
        with self.step(f"fetch {assignment}"):
            self._press("released", assignment, "Fetch")
            self.page.locator("#fetched_assignments_list", has_text=assignment).wait_for(timeout=30 * SECOND)

    def submit(self, assignment: str) -> None:
        with self.step(f"submit {assignment}"):
            self._press("fetched", assignment, "Submit")
            self.page.locator("#submitted_assignments_list", has_text=assignment).wait_for(timeout=30 * SECOND)

    def fetch_feedback(self, assignment: str) -> None:
        with self.step(f"fetch feedback on {assignment}"):
            self._press("submitted", assignment, "Fetch Feedback")
            self.page.locator("#submitted_assignments_list", has_text="view feedback").wait_for(timeout=30 * SECOND)

    def _press(self, which: str, assignment: str, name: str) -> None:
        row = self.assignment_list().locator(f"#{which}_assignments_list .list_item", has_text=assignment)
        row.get_by_role("button", name=name, exact=True).first.click()

    # notebooks and terminals

    def open_notebook(self, path: str) -> None:
        page = self.page
        page.goto(f"{self.server}/lab/tree/{path}?reset")
        page.locator(".jp-NotebookPanel").first.wait_for(timeout=60 * SECOND)
        page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=60 * SECOND)  # the status bar: its kernel is there

    def type_into(self, path: str, answers: dict[str, str]) -> None:
        """Open a notebook, replace the cells that hold these texts by others, and save."""
        with self.step(f"type answers into {path}"):
            self.open_notebook(path)
            for mark, answer in answers.items():
                cell = self.page.locator(".jp-Notebook .jp-Cell", has_text=mark).first
                cell.scroll_into_view_if_needed()
                cell.dblclick()  # a rendered text opens for editing
                cell.locator(".cm-content").click()
                self.page.keyboard.press("Control+a")
                self.page.keyboard.insert_text(answer)
            self.page.keyboard.press("Control+s")
            self.page.wait_for_timeout(3 * SECOND)

    def validate(self, seconds: float = 240) -> str:
        """Press Validate in the open notebook, and return what it says."""
        with self.step("validate"):
            self.page.get_by_role("button", name="Validate").first.click()
            dialog = self.page.locator(".nbgrader-ModalDialog, .jp-Dialog").first
            dialog.get_by_text("Validation Results").wait_for(timeout=seconds * SECOND)
            said = dialog.inner_text()
            self.page.keyboard.press("Escape")
            return said

    def run_in_terminal(self, command: str, result: Path, seconds: float = 120) -> str:
        """Type a command into a terminal of Lab's; return the file that it writes when it is done."""
        with self.step(f"run {command!r} in a terminal"):
            self.page.goto(f"{self.server}/lab?reset")
            self.page.locator(".jp-LauncherCard", has_text="Terminal").first.click()
            self.page.locator(".jp-Terminal .xterm-screen").wait_for(timeout=30 * SECOND)
            self.page.wait_for_timeout(3 * SECOND)
            self.page.locator(".jp-Terminal .xterm-screen").click()
            self.page.keyboard.type(command + "\n")
            for _ in range(int(seconds * 2)):
                if result.is_file():
                    return result.read_text()
                self.page.wait_for_timeout(500)
            raise TimeoutError(f"{result.name} was not written in {seconds} s")
