"""The table of shape-guided segmentation, written and printed."""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.durable import put_file
from benchmark.report.gathered import SEED
from benchmark.report.guided import GuidedTable
from benchmark.report.guided_notes import ORACLE_NOTE

STEM = "shape_guided"


def write_guided(folder: Path, table: GuidedTable, ending: str = "") -> list[Path]:
    """Write the table as CSV, Markdown and JSON; returns the paths.

    Args:
        folder: Folder to write to.
        table: The table.
        ending: Of the files' names before the point.

    Raises:
        StoreError: If there is no room or no permission.
    """
    record = {"bootstrap seed": SEED, "shape_guided": table.record()}
    texts = {
        "csv": table.table().to_csv(index=False, lineterminator="\n"),
        "md": table.markdown(),
        "json": json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n",
    }
    paths = [folder / f"{STEM}{ending}.{end}" for end in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        put_file(path, text)
    return paths


def print_guided(table: GuidedTable, console: Console) -> None:
    """Show the table; what test masks have chosen is red."""
    console.print(Text(table.title, style="bold"))
    shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("row", *table.heads):
        shown.add_column(Text(name), overflow="fold")
    for row in table.rows:
        style = "red" if row.oracle else ""
        shown.add_row(*(Text(text, style=style) for text in (row.label, *row.texts())))
    console.print(shown)
    for note in table.notes:
        console.print(Text(f"- {note}", style="red" if note == ORACLE_NOTE else ""))
    console.print()
