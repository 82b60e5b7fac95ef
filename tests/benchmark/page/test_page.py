"""The page's text: what it says, that it is the same twice, and what it says of nothing."""

import hashlib
import re
from base64 import b64encode
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmark.report.board import Leaderboard, Row, Top
from benchmark.report.estimate import Estimate
from benchmark.report.frame import COLUMNS
from benchmark.report.leaderboard import leaderboard
from benchmark.report.page import Page, Picture, page
from benchmark.report.page.origin import anchor
from benchmark.report.page.tables import amount
from tests.benchmark.page.reading import Read

NOBODY = Estimate()


def board(
    scores: dict[str, list[float]], metric: str = "dice", source: str = "real"
) -> Leaderboard:
    """Methods with their scores on t0, t1 and so on."""
    rows = tuple(
        Row(
            method=method,
            scores={f"t{n}": Estimate(value) for n, value in enumerate(values)},
            rank=NOBODY, wins=None, ties=None, gain=NOBODY, gain_direct=NOBODY,
            missing=0, cells=(1, 1),
        )
        for method, values in scores.items()
    )  # fmt: skip
    tasks = next(iter(rows)).scores
    return Leaderboard("frozen", metric, 1.0, dict.fromkeys(tasks, source), rows, {}, ("A note.",))


def marked(text: str, mark: str) -> list[str]:
    return re.findall(rf'<span class="value[^"]* {mark}[^"]*">([^<]*)</span>', text)


def test_same_content_same_text(content: Page) -> None:
    assert page(content) == page(content) == page(replace(content))


def test_every_part_is_there_and_every_link_has_a_place(content: Page) -> None:
    found = Read(page(replace(content, comparison="a  beside b")))
    places = found.places
    assert len(set(places)) == len(places)
    links = [str(link["href"]) for link in found.all("a")]
    assert {link.removeprefix("#") for link in links} <= set(places)
    parts = "leaderboards figures sheets claims comparison ledger audit provenance"
    assert set(parts.split()) <= set(places)
    for expected in (
        "phantom images: a test of the machinery, not of the methods",
        "Nobody has computed these scores.",
        "a beside b",
        "Audit: passes, as far as the records tell.",
        "24 cells: 24 done",
        "method02 wins at least half of the tasks",
        "phantom images, frozen",
    ):
        assert expected in found.words
    assert [image["alt"] for image in found.all("img")] == [
        "A picture of phantoms: picture0", "A picture of phantoms: picture1",
    ]  # fmt: skip
    board = content.boards[0]
    for row in board.rows:
        for task in board.tasks:
            assert row.scores[task].text(3) in found.words


def test_nothing_is_fetched_and_only_our_script_may_run(content: Page) -> None:
    text = page(content)
    found = Read(text)
    (policy,) = [
        str(meta["content"])
        for meta in found.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    for inlined in (style, *found.scripts):
        digest = b64encode(hashlib.sha256(inlined.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    addresses = [str(a[name]) for _, a in found.tags for name in ("src", "href") if name in a]
    assert {address.partition(":")[0] for address in addresses if address[0] != "#"} == {"data"}
    assert "url(" not in style
    assert "http:" not in text
    assert "https:" not in text


def test_best_is_bold_and_what_cannot_be_told_from_it_underlined() -> None:
    scores = {"a": [0.7, 0.2], "b": [0.6, float("nan")], "c": [0.7, 0.1]}
    t0 = Top(frozenset({"a", "c"}), frozenset({"b"}))
    tops = {"t0": t0, "t1": Top(frozenset({"a"}), frozenset({"c"}))}
    marks = replace(board(scores), tops=tops)
    text = page(Page("t", boards=(marks,)))
    assert marked(text, "best") == ["0.700", "0.200", "0.700"]
    assert marked(text, "alike") == ["0.600", "0.100"]
    legend = "Underlined: it cannot be told from the best."
    assert legend in text
    assert legend not in page(Page("t", boards=(replace(marks, tops={}),)))
    assert '<td><span class="value">-</span></td>' in text


def test_notes_of_all_leaderboards_are_said_once() -> None:
    one = board({"a": [0.5]})
    other = replace(one, stage="finetuned", notes=("Its own.", *one.notes))
    words = Read(page(Page("t", boards=(one, other)))).words
    assert words.count("A note.") == words.count("Its own.") == 1


def test_real_images_have_no_banner_and_mixed_ones_say_which() -> None:
    real = board({"a": [0.5]})
    assert "phantom" not in page(Page("t", boards=(real,))).lower()
    other = replace(real, sources={"t9": "stand-in"}, rows=())
    words = Read(page(Page("t", boards=(real, other)))).words
    assert "stand-in images: from another data set" in words
    assert "(t9)" in words


@pytest.mark.parametrize("source", ["phantom", "real"])
def test_one_method_and_one_seed(source: str) -> None:
    rows = [("m", "t", "d", source, "frozen", 1.0, 0, "dice", "i", "done", 0.5)]
    lonely = leaderboard(
        pd.DataFrame(rows, columns=COLUMNS), np.random.default_rng(0), stage="frozen", draws=9
    )
    found = Read(page(Page("t", boards=(lonely,))))
    assert "Only m: there is nothing to compare it with" in found.words
    assert marked(page(Page("t", boards=(lonely,))), "best") == []


def test_nothing_at_all() -> None:
    empty = leaderboard(pd.DataFrame(columns=COLUMNS), np.random.default_rng(0), stage="frozen")
    assert "nothing can be concluded" in Read(page(Page("t", boards=(empty,)))).words
    assert Read(page(Page("nothing"))).all("section") == []
    assert "2 findings: the tables are no fair" in Read(page(Page("t", findings=("a", "b")))).words


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0, "0"), (1.2e-6, "1.2e-06"), (48_000, "48,000"), (0.0123, "0.012"),
     (812.54, "812.5"), (1234567.8, "1,234,568"), (float("nan"), "-"), ("left out", "left out")],
)  # fmt: skip
def test_costs_are_printed_with_few_digits(value: object, text: str) -> None:
    assert amount(value).text == text


def test_places_differ_where_their_parts_do() -> None:
    parts = [("a", "b"), ("a:b",), ("a", "b", ""), ("a~3a~b",), ("a b",), ("a", " b"), ("ä",)]
    names = [anchor(*some) for some in parts]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_.+:~-]*", name) for name in names)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="'x' is no PNG file"):
        Picture("x", "t", "c", b"<svg>")
