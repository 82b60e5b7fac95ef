"""Headless Chromium, and a window that notes whatever goes wrong in it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmark.report.page import Page, page
from benchmark.speed.page import ARGUMENTS, CHROMIUM, made_up_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

#: Of a phone and of a desktop, in pixels.
WIDTHS = (390, 1280)
#: Milliseconds until something that does not appear has failed.
PATIENCE = 20_000


@dataclass
class Window:
    """A page that is open in a browser, with what it has said and asked for."""

    tab: "Tab"
    path: Path
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def column(self, table: str, heading: str) -> list[str]:
        """The shown text of a table's column, top to bottom, without intervals."""
        return list(
            self.tab.evaluate(
                """([table, heading]) => {
                    const rows = [...document.querySelector(table).rows];
                    const names = [...rows[0].cells].map(cell => cell.innerText.trim());
                    const place = names.indexOf(heading);
                    return rows.slice(1).filter(row => !row.hidden)
                        .map(row => row.cells[place].innerText.split("\\n")[0].trim());
                }""",
                [table, heading],
            )
        )


Open = Callable[..., Window]


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Where Chromium is; where it or Playwright is not, the tests are skipped.

    LDBENCH_CHROMIUM=required makes that a failure instead.
    """
    needed = {
        "Chromium (apt-get install chromium)": CHROMIUM.is_file(),
        "Playwright (pip install playwright)": find_spec("playwright") is not None,
    }
    lacking = [name for name, is_there in needed.items() if not is_there]
    if lacking:
        reason = f"needs {' and '.join(lacking)}"
        assert os.environ.get("LDBENCH_CHROMIUM") != "required", reason
        pytest.skip(reason)
    return CHROMIUM


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator["Browser"]:
    """A browser; no longer than a module's tests, for while it lives, an event loop runs here."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - may be missing

    with sync_playwright() as player:
        found = player.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield found
        found.close()


@pytest.fixture
def window(browser: "Browser", tmp_path: Path) -> Iterator[Open]:
    """Opens pages: ``window(content, width=390)``; each must stay silent and ask for nothing."""
    opened: list[Window] = []

    def show(content: Page, width: int = 1280, place: str = "", **options: object) -> Window:
        path = tmp_path / f"report{len(opened)}.html"
        path.write_text(page(content), encoding="utf-8")
        tab = browser.new_page(viewport={"width": width, "height": 800}, **options)  # type: ignore[arg-type]
        tab.set_default_timeout(PATIENCE)
        shown = Window(tab, path)
        tab.on("console", lambda message: shown.said.append(message.text))
        tab.on("pageerror", lambda error: shown.said.append(str(error)))
        tab.on("dialog", lambda dialog: shown.said.append(f"dialog {dialog.message}"))
        tab.on("request", lambda request: shown.requests.append(request.url))
        tab.goto(path.as_uri() + place)
        opened.append(shown)
        return shown

    yield show
    for shown in opened:
        assert shown.said == []
        outside = [url for url in shown.requests if not url.startswith("data:")]
        assert {url.partition("#")[0] for url in outside} == {shown.path.as_uri()}
        shown.tab.close()


@pytest.fixture(scope="session")
def content() -> Page:
    """Three methods, four tasks, two seeds, two leaderboards and two pictures."""
    return made_up_page(methods=3, tasks=4, seeds=2, stages=2, drawn=2, wide=200)
