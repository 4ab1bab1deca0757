"""JupyterLab in headless Chromium, driven as a lecturer would: open, run all, move the widgets."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, Playwright

TOKEN = "tests"  # the server listens on this machine only, for the time of the tests
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync --disable-dev-shm-usage""".split()
MISSING = "there is no Chromium here: `make browser` installs it, or says how"
RUNS = 300  # seconds that a lecture may take in the browser


def browser_path() -> str:
    """Raises FileNotFoundError where there is none: a test that needs one fails and says what to do."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FileNotFoundError(MISSING)
    return found


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """JupyterLab on `folder`; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    command = [sys.executable, "-m", "jupyter", "lab", *options, f"--IdentityProvider.token={TOKEN}"]
    settings = folder / ".settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"windowingMode": "none"}')  # all cells are in the page, also those out of sight
    environment = os.environ | {"JUPYTERLAB_SETTINGS_DIR": str(folder / ".settings")}
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{address}/api/status?token={TOKEN}", process)
        yield address
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def wait_for(address: str, process: subprocess.Popen, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError("JupyterLab did not start; its messages are in server.log")


@contextmanager
def page_of(playwright: Playwright, profile: Path) -> Iterator[Page]:
    """A page whose requests to other hosts fail, and are remembered in `page.foreign`."""
    context = playwright.chromium.launch_persistent_context(
        str(profile),
        executable_path=browser_path(),
        headless=True,
        args=FLAGS,
        viewport={"width": 1400, "height": 1000},
    )
    page = context.pages[0]
    page.foreign = []

    def only_here(route) -> None:
        if re.match(r"(http://127\.0\.0\.1[:/]|data:|blob:)", route.request.url):
            route.continue_()
        else:
            page.foreign.append(route.request.url)
            route.abort()

    context.route("**/*", only_here)
    try:
        yield page
    finally:
        context.close()


def run_all(page: Page, address: str, name: str) -> None:
    """Open a notebook afresh, run all of its cells, and wait until the last one is done."""
    page.goto(f"{address}/lab/tree/{name}?token={TOKEN}&reset")
    page.locator(".jp-NotebookPanel").first.wait_for(timeout=60_000)
    page.get_by_text(re.compile(r"\| Idle$")).wait_for(timeout=60_000)  # the status bar: its kernel is there
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    last = page.locator(".jp-Notebook .jp-CodeCell .jp-InputArea-prompt").last
    end = time.monotonic() + RUNS
    while time.monotonic() < end:
        page.wait_for_timeout(500)
        if re.fullmatch(r"\[\d+\]:", last.inner_text()) and page.get_by_text(re.compile(r"\| Idle$")).is_visible():
            return
    raise TimeoutError(f"{name} was not done after {RUNS} s")


def explorers(page: Page) -> list[Locator]:
    """The widgets of the notebook, from top to bottom: boxes that hold a figure with a caption."""
    boxes = page.locator(".jp-OutputArea-output .widget-vbox:has(> .widget-html figure figcaption)")
    return [boxes.nth(i) for i in range(boxes.count())]


def picture(explorer: Locator) -> str:
    """The picture's source, or nothing where an error stands in its place."""
    return explorer.locator("figure img, [role=alert]").first.get_attribute("src") or ""


MOVABLE = ".noUi-handle, [role=slider]:not(.noUi-handle), select, input[type=checkbox], "
MOVABLE += "button:not(.widget-toggle-buttons .mod-active)"  # of several, the one that is pressed stays pressed


def controls(explorer: Locator) -> list[Locator]:
    """What can be moved by keyboard in a widget, in its order."""
    found = explorer.locator(MOVABLE)
    return [found.nth(i) for i in range(found.count()) if found.nth(i).is_visible()]


SLIDER = [["ArrowRight"], ["ArrowLeft"], ["ArrowLeft"] * 5, ["ArrowRight"] * 5]
LIST = [["Space", "ArrowDown", "Enter"], ["Space", "ArrowUp", "Enter"]]
BUTTON = [["Space"]]
PATIENCE = 1500  # milliseconds until a change must be seen; the tests of course/widgets hold the 100 ms


def move(page: Page, explorer: Locator, control: Locator) -> bool:
    """Press the keys that move such a control; whether the picture changed."""
    before, kind = picture(explorer), control.evaluate("element => element.tagName")
    for keys in {"SELECT": LIST, "DIV": SLIDER, "g": SLIDER}.get(kind, BUTTON):
        control.focus()
        for key in keys:
            page.keyboard.press(key)
            page.wait_for_timeout(100)  # a list takes its time to open
        for _ in range(PATIENCE // 50):
            page.wait_for_timeout(50)
            if picture(explorer) != before:
                return True
    return False
