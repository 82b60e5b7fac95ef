"""The page in headless Chromium, as wide as a phone and as a desktop."""

from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from benchmark.report.board import Leaderboard
from benchmark.report.page import Page
from benchmark.speed.page import made_up_page
from tests.benchmark.page.conftest import WIDTHS, Open

TABLE = "#table-1"
#: Most of a made-up picture.
GREY = (127, 127, 127)
both_widths = pytest.mark.parametrize("width", WIDTHS)


def order(board: Leaderboard, task: str) -> list[str]:
    """The scores on a task as printed, best first, those that are missing last."""
    scores = sorted((row.scores[task] for row in board.rows), key=lambda score: -score.value)
    return [score.text(board.scale.decimals).partition(" ")[0] for score in scores]


@both_widths
def test_a_click_on_a_heading_sorts(content: Page, window: Open, width: int) -> None:
    opened = window(content, width)
    tab, board = opened.tab, content.boards[0]
    heading = tab.locator(f"{TABLE} th", has_text="task02")
    assert heading.get_attribute("aria-sort") is None
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    expected = order(board, "task02")
    assert opened.column(TABLE, "task02") == expected
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert opened.column(TABLE, "task02") == expected[::-1]
    name = tab.locator(f"{TABLE} th", has_text="method").first
    name.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    assert opened.column(TABLE, "method") == ["method01", "method02", "random"]


def test_keys_sort_too(content: Page, window: Open) -> None:
    opened = window(content)
    opened.tab.locator(f"{TABLE} th", has_text="task00").get_by_role("button").focus()
    opened.tab.keyboard.press("Enter")
    assert opened.column(TABLE, "task00") == order(content.boards[0], "task00")
    opened.tab.keyboard.press("Space")
    assert opened.column(TABLE, "task00") == order(content.boards[0], "task00")[::-1]


def test_numbers_are_sorted_as_numbers_and_missing_ones_come_last(
    content: Page, window: Open
) -> None:
    costs = (9.0, None, 1234567.0)
    ledger = tuple(
        {"method": f"m{n}", "seconds": cost, "steps": 10**n} for n, cost in enumerate(costs)
    )
    opened = window(replace(content, ledger=ledger))
    button = opened.tab.locator("#table-ledger th", has_text="seconds").get_by_role("button")
    button.click()
    assert opened.column("#table-ledger", "seconds") == ["9", "1,234,567", "-"]
    button.click()
    assert opened.column("#table-ledger", "seconds") == ["1,234,567", "9", "-"]
    opened.tab.locator("#table-ledger th", has_text="steps").get_by_role("button").click()
    assert opened.column("#table-ledger", "steps") == ["1", "10", "100"]


@both_widths
def test_filters_hide_methods_columns_and_leaderboards(
    content: Page, window: Open, width: int
) -> None:
    opened = window(content, width)
    tab = opened.tab
    box = tab.get_by_label("Methods")
    box.fill("METHOD02, ran")
    assert sorted(opened.column(TABLE, "method")) == ["method02", "random"]
    assert sorted(opened.column("#table-ledger", "method")) == ["method02", "random"]
    assert tab.locator("#shown").inner_text() == "2 of 3 methods"
    assert not tab.locator("details[data-method=method01]").is_visible()
    box.fill("")
    tab.get_by_label("Kind").select_option("lesion")
    shown = tab.locator(f"{TABLE} th[data-kind]:visible")
    assert shown.all_inner_texts() == ["task02"]
    lesion = tab.locator(f"{TABLE} tbody tr").first.locator("td:visible")
    assert lesion.count() == len(tab.locator(f"{TABLE} thead th:visible").all()) - 1
    tab.get_by_label("Stage").select_option("finetuned")
    assert [tab.locator(f"#board-{n}").is_visible() for n in (1, 2)] == [False, True]
    tab.get_by_role("button", name="Show all").click()
    assert [tab.locator(f"#board-{n}").is_visible() for n in (1, 2)] == [True, True]
    assert len(opened.column(TABLE, "method")) == 3


@both_widths
def test_every_score_leads_to_where_it_is_from(content: Page, window: Open, width: int) -> None:
    opened = window(content, width)
    tab = opened.tab
    tab.locator(f"{TABLE} tr[data-method=method01] td a").last.click()
    place = tab.locator("[id='cell-method01:task03:frozen+finetuned:1']")
    place.get_by_text("cells/1").wait_for()
    assert "method01 on task03" in place.locator("h4").inner_text()
    assert place.evaluate("place => place.getBoundingClientRect().top < innerHeight")
    place.get_by_role("link").first.click()
    tab.locator("[id='encoder:method01-0'] dd").first.wait_for()


def test_no_link_is_dead_or_leaves_the_page(content: Page, window: Open) -> None:
    links = window(content).tab.locator("a")
    assert links.count() > 24
    dead = """links => links.map(link => link.getAttribute("href")).filter(address =>
        !address.startsWith("#") || !document.getElementById(decodeURIComponent(address.slice(1))))
    """
    assert links.evaluate_all(dead) == []


def test_a_link_to_what_a_filter_hides_shows_it(content: Page, window: Open) -> None:
    opened = window(content)
    tab = opened.tab
    tab.get_by_label("Methods").fill("random")
    target = "cell-method01:task03:frozen+finetuned:1"
    tab.evaluate("place => { location.hash = place }", target)
    tab.locator(f"[id='{target}'] details[open]").first.wait_for()
    assert tab.get_by_label("Methods").input_value() == ""
    again = window(content, place=f"#{target}")
    again.tab.locator(f"[id='{target}'] dl").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@both_widths
def test_nothing_is_wider_than_the_window(window: Open, width: int, scheme: str) -> None:
    long = made_up_page(methods=3, tasks=12, seeds=1, stages=2, drawn=2, wide=200)
    note = "a_word_without_any_space" * 20
    opened = window(
        replace(long, notes=(note,), findings=(note,), comparison=note, title=note),
        width,
        color_scheme=scheme,
    )
    tab = opened.tab
    tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.locator(".scroll").first.evaluate("part => part.scrollWidth > part.clientWidth")
    moved = """part => {
        const name = part.querySelector('tbody th');
        const before = name.getBoundingClientRect().left;
        part.scrollLeft = 200;
        return [part.scrollLeft, name.getBoundingClientRect().left - before];
    }"""
    assert tab.locator(".scroll").first.evaluate(moved) == [200, 0]


@pytest.mark.parametrize("has_scripts", [True, False])
def test_pictures_are_shown(content: Page, window: Open, has_scripts: bool) -> None:
    tab = window(content, java_script_enabled=has_scripts).tab
    for picture in tab.locator("img").all():
        for _ in range(100):  # it is not decoded before it is in sight
            shot = Image.open(BytesIO(picture.screenshot())).convert("RGB")
            if shot.getpixel((100, 190)) == GREY:
                break
            tab.wait_for_timeout(50)
        assert shot.getpixel((100, 190)) == GREY


def test_without_javascript_tables_and_links_still_serve(content: Page, window: Open) -> None:
    opened = window(content, java_script_enabled=False)
    tab = opened.tab
    assert not tab.locator("#filters").is_visible()
    assert tab.locator(f"{TABLE} tbody tr").count() == 3
    tab.locator(f"{TABLE} tr[data-method=method01] td a").last.click()
    place = tab.locator("[id='cell-method01:task03:frozen+finetuned:1']")
    place.wait_for()  # a browser unfolds what a link leads to
    place.locator("summary").first.click()
    place.get_by_text("cells/0").wait_for()
