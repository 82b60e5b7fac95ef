"""Names and notes that try to be more than text."""

from dataclasses import replace

import pandas as pd
import pytest

from benchmark.report.board import Top
from benchmark.report.page import Page, page
from benchmark.report.page.origin import Fact, Provenance, Shared, anchor
from benchmark.report.prices import Price
from benchmark.speed.page import made_up_page
from tests.benchmark.page.conftest import Open
from tests.benchmark.page.reading import Read

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script></style></title><svg onload=alert(1)>",
    "' onfocus='alert(1)' autofocus='",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "<!--",
)


def poisoned(evil: str) -> Page:
    """A page on which every text that somebody may choose is evil."""
    content = made_up_page(methods=3, tasks=2, seeds=1, stages=1, drawn=2, wide=8)
    board = content.boards[0]
    scores = [{f"{evil}{t}": e for t, e in row.scores.items()} for row in board.rows]
    rows = [
        replace(row, method=f"{evil}{row.method}", scores=own)
        for row, own in zip(board.rows, scores, strict=True)
    ]
    cells = [
        replace(
            cell, method=f"{evil}{cell.method}", task=f"{evil}{cell.task}", domain=evil, kind=evil,
            state=evil, facts=(Fact(evil, evil, anchor(evil)),),
        )
        for cell in content.provenance.cells
    ]  # fmt: skip
    costs = [(row, f"{evil}{row['method']}") for row in content.ledger]
    verdict = content.claims[0]
    claim = verdict.claim.model_copy(update={"title": evil, "subject": evil})
    outcomes = tuple(replace(o, task=evil, rival=evil, remedy=evil) for o in verdict.outcomes)
    sources = {f"{evil}{task}": "phantom" for task in board.tasks}
    tops = {f"{evil}task00": Top(like=frozenset({evil}))}
    poison = replace(
        board, rows=tuple(rows), sources=sources, notes=(evil,), tops=tops, part=evil,
        prices={evil: Price(1.0)},
    )  # fmt: skip
    return Page(
        title=evil,
        boards=(poison, replace(poison, part="other")),
        drawings=(replace(content.drawings[0], name=evil, title=evil, caption=evil, kind=evil),),
        sheets=content.sheets,
        claims=(replace(verdict, claim=claim, outcomes=outcomes, limits=(evil,)),),
        comparison=evil,
        ledger=tuple({**row, "method": name, evil: evil} for row, name in costs),
        findings=(evil,),
        provenance=Provenance(tuple(cells), {evil: (Shared(anchor(evil), evil, ()),)}),
        notes=(evil,),
    )  # fmt: skip


@pytest.mark.parametrize("evil", EVIL)
def test_evil_text_stays_text(evil: str) -> None:
    found = Read(page(poisoned(evil)))
    harmless = Read(page(poisoned("harmless")))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in harmless.tags]
    assert [[*names] for _, names in found.tags] == [[*names] for _, names in harmless.tags]
    assert found.scripts == harmless.scripts
    assert found.words.count(evil) == harmless.words.count("harmless")


@pytest.mark.parametrize("evil", EVIL)
def test_evil_text_does_nothing_in_a_browser(window: Open, evil: str) -> None:
    tab = window(poisoned(evil)).tab
    assert tab.locator("h1").inner_text().split() == evil.split()
    tab.get_by_label("Methods").fill(f"{evil.split(maxsplit=1)[0]}method01")
    tab.get_by_role("button", name="Show all").click()
    tab.locator("#table-1 tbody td a").last.click()
    tab.locator(".cell dd:visible").first.wait_for()
    assert tab.locator("script").count() == 1
    assert tab.locator("img").count() == 2


def test_the_ledger_may_hold_what_pandas_reads() -> None:
    rows = pd.DataFrame({"method": ["<b>"], "seconds": [1.5]}).to_dict("records")
    text = page(Page("t", ledger=tuple({str(k): v for k, v in row.items()} for row in rows)))
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
