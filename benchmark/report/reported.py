"""A results folder's figures, and everything that it shows in one HTML file."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmark.audit import faults
from benchmark.claim import claims_called
from benchmark.durable import json_text, put_file, read_json
from benchmark.ledger import entries, totals
from benchmark.report.board import Leaderboard
from benchmark.report.claimed import verdicts
from benchmark.report.compared import compared, show
from benchmark.report.courses import courses_drawing, courses_of
from benchmark.report.figures import Drawing
from benchmark.report.figures.canvas import png, svg
from benchmark.report.figures.drawn import drawings
from benchmark.report.gathered import Gathered, Stale, gather
from benchmark.report.guided import guided_table
from benchmark.report.guided_sheets import guided_drawings
from benchmark.report.landmarks.gathering import landmark_boards
from benchmark.report.landmarks.shown import landmark_drawings
from benchmark.report.material import material
from benchmark.report.page import Page, Picture, page
from benchmark.report.page.provenance import provenance
from benchmark.report.sampled import Sampled
from benchmark.report.slices import WAYS
from benchmark.report.verdict import Verdict
from benchmark.status import standings
from methods.errors import ConfigError

#: The method that the built-in claims are about, and that is set beside all others.
SUBJECT = "ld"
#: What names of figures begin with that show images.
SHEETS = ("examples", "features", "landmarks")
#: Which files of the figures' folder a report has written.
DRAWN = "drawn.json"
#: Letters in a line of what is shown as it is printed.
WIDTH = 110


def write_report(folder: Path, *, stale: Stale = "refuse", seeds: Sequence[int] = ()) -> list[Path]:
    """Draw every figure of a folder, and put all that is known of it on one page.

    Args:
        folder: Where a plan was run to.
        stale: What to do about cells of older code; see ``gather``.
        seeds: Those that count; all if there are none. Their names end what is written.

    Returns:
        The paths written: ``report.html``, and ``figures/``.

    Raises:
        ConfigError: If a seed was not asked for.
        StoreError: If the folder holds no results, damaged ones, stale ones that are refused, or
            cannot be written.
    """
    found = gather(folder, stale, seeds)
    frame = found.frame("dice")
    boards = found.sampled(frame, "dice")
    drawn = drawings(material(found, frame, boards))
    curves = courses_drawing(
        found.store, courses_of(found.store, found.encoders), found.question.title
    )
    figures = [
        *drawn.drawings,
        *landmark_drawings(found),
        *guided_drawings(found),
        *([curves] if curves else []),
    ]
    kinds = {cell.source for cell in found.question.cells}
    kind = kinds.pop() if len(kinds) == 1 else ""
    pictures = [picture(each, kind) for each in figures]
    written = saved(figures, pictures, folder / f"figures{found.ending}")
    fresh = found.without_stale()
    judged, unjudged = ([], []) if found.only_landmarks else claims(fresh)
    counted = set(found.question.cells)
    rows = [row for row in standings(found.store) if row.cell in counted]
    spent = entries(found.store, rows)
    content = Page(
        title=found.question.title,
        boards=(*(each.board for each in boards), *parts_of(found, frame)),
        guided=guided_table(found),
        landmarks=tuple(landmark_boards(found)),
        drawings=tuple(each for each in pictures if not is_sheet(each.name)),
        sheets=tuple(each for each in pictures if is_sheet(each.name)),
        claims=tuple(judged),
        comparison=comparison(fresh, boards),
        ledger=tuple(totals(spent)),
        findings=tuple(faults(found.question, rows, spent, None, None)),
        provenance=provenance(found.store, found.question.cells, found.there),
        notes=() if found.only_landmarks else (*drawn.omitted, *unjudged),
    )
    html = folder / f"report{found.ending}.html"
    put_file(html, page(content))
    return [html, *written]


def picture(drawing: Drawing, kind: str) -> Picture:
    """A figure as a page shows it."""
    return Picture(drawing.name, drawing.title, drawing.caption, png(drawing.figure), kind)


def is_sheet(name: str) -> bool:
    """Whether a figure shows images, not numbers."""
    return name.startswith(SHEETS)


def saved(figures: list[Drawing], pictures: list[Picture], folder: Path) -> list[Path]:
    """Write figures as PNG and, but for those of photographs, as SVG.

    Figures of an earlier report that are not drawn any more go; whatever else is there stays.
    """
    files = {f"{each.name}.png": each.png for each in pictures}
    files |= {f"{each.name}.svg": svg(each.figure) for each in figures if not is_sheet(each.name)}
    known = folder / DRAWN
    earlier = read_json(known) if known.is_file() else []
    for name in sorted(set(earlier) - files.keys()):
        (folder / Path(name).name).unlink(missing_ok=True)
    for name, content in files.items():
        put_file(folder / name, content)
    put_file(known, json_text(sorted(files)))
    return [folder / name for name in files]


def parts_of(found: Gathered, frame: pd.DataFrame) -> list[Leaderboard]:
    """Leaderboards of parts of the tasks and labels, but for what the whole ones show already."""
    boards = [board for way in WAYS for board in found.sliced(frame, "dice", way)]
    most = max((board.fraction for board in boards), default=1.0)
    return [
        board for board in boards if len(board.rows) > 1 and (board.part or board.fraction < most)
    ]


def claims(found: Gathered) -> tuple[list[Verdict], list[str]]:
    """What the folder says of the built-in claims, and why it says nothing if so.

    Claims about images are answered with real ones; a folder of phantoms alone answers for these.
    """
    methods = {cell.method for cell in found.question.cells}
    about = [claim for claim in claims_called(None) if claim.subject in methods]
    kinds = {cell.source for cell in found.question.cells}
    source = "phantom" if kinds == {"phantom"} else "real"
    if not about:
        return [], [f"No claim is judged: {SUBJECT} is not among the methods."]
    try:
        return verdicts(found, about, source), []
    except ConfigError as error:
        return [], [f"No claim is judged: {error}"]


def comparison(found: Gathered, boards: list[Sampled]) -> str:
    """How the subject stands beside its rivals, as ``ldbench compare`` prints it."""
    stages = [each.board.stage for each in boards if len(each.board.rows) > 1]
    methods = {cell.method for cell in found.question.cells}
    if SUBJECT not in methods or not stages:
        return ""
    stage = "finetuned" if "finetuned" in stages else stages[0]
    text = StringIO()
    show(
        compared(found, SUBJECT, stage=stage, metric="dice"),
        Console(file=text, width=WIDTH, highlight=False, color_system=None),
    )
    return text.getvalue()
