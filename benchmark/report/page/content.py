"""What a page shows, as plain values."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmark.report.board import Leaderboard
from benchmark.report.guided import GuidedTable
from benchmark.report.landmarks.board import LandmarkBoard
from benchmark.report.page.origin import Provenance
from benchmark.report.verdict import Verdict

#: First bytes of every PNG file, and where its header holds width and height (PNG, section 11.2.2).
PNG, SIZE = b"\x89PNG\r\n\x1a\n", slice(16, 24)


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure or a qualitative sheet.

    Attributes:
        name: Stem of its file's name; unique on a page.
        title: A few words; read aloud in the picture's place.
        caption: What is drawn, and what cannot be concluded from it.
        png: The file's bytes.
        kind: Kind of the images that its numbers come from, for example "phantom"; "" if it shows
            no scores.

    Raises:
        ValueError: If the bytes are no PNG file.
    """

    name: str
    title: str
    caption: str
    png: bytes
    kind: str = ""

    def __post_init__(self) -> None:
        """Refuse what a browser would show as a broken picture."""
        if not self.png.startswith(PNG) or len(self.png) < SIZE.stop:
            raise ValueError(f"picture {self.name!r} is no PNG file")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = struct.unpack(">II", self.png[SIZE])
        return int(width), int(height)


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on a page; a part that is empty is left out.

    Attributes:
        title: Of the plan.
        boards: Leaderboards, in order.
        guided: What segments without labels; None if nothing does.
        landmarks: Tables of landmark tasks.
        drawings: Figures.
        sheets: Qualitative sheets: images with truth and predictions.
        claims: Answers to claims.
        comparison: How one method stands beside its rivals, as printed.
        ledger: What each method has cost, a row a method (``benchmark.ledger.totals``).
        findings: What the audit has found; None if nobody looked.
        provenance: Where every cell is from.
        notes: What a reader has to know besides.
    """

    title: str
    boards: tuple[Leaderboard, ...] = ()
    guided: GuidedTable | None = None
    landmarks: tuple[LandmarkBoard, ...] = ()
    drawings: tuple[Picture, ...] = ()
    sheets: tuple[Picture, ...] = ()
    claims: tuple[Verdict, ...] = ()
    comparison: str = ""
    ledger: tuple[Mapping[str, object], ...] = ()
    findings: tuple[str, ...] | None = None
    provenance: Provenance = field(default_factory=Provenance)
    notes: tuple[str, ...] = ()

    @property
    def kinds(self) -> dict[str, list[str]]:
        """Kinds of images, with the tasks that have them; sorted."""
        pairs = {(kind, task) for b in self.boards for task, kind in b.sources.items()}
        pairs |= {(board.source, board.task) for board in self.landmarks}
        pairs |= {(cell.source, cell.task) for cell in self.provenance.cells}
        if self.guided is not None:
            pairs |= {(kind, task) for task, kind in self.guided.sources.items()}
        kinds = {kind for kind, _ in pairs} | {v.source for v in self.claims if v.source != "real"}
        kinds |= {p.kind for p in (*self.drawings, *self.sheets)}
        return {
            kind: sorted(task for own, task in pairs if own == kind)
            for kind in sorted(kinds - {""})
        }
