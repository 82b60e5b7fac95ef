"""Tables of centres, as the owners of data sets give them out."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType

from tasks.reading import ImageError, read_mask

#: Which row of the first sheet of HRF's workbook is wrong, counting the header from 0; the second
#: sheet has it right (LD reference).
WRONG_ROW = 4


def centres(path: Path) -> Mapping[str, tuple[float, float]]:
    """A point (x, y) in pixels for each image, by its name without a suffix, in small letters.

    The first column names the image; of the others, the first whose head ends in "x" or begins so
    is x, and likewise y. Rows without numbers, which some tables end in, are left out.

    Args:
        path: CSV, or a workbook (.xls).

    Raises:
        ImageError: If the file cannot be read, has no such columns, or a point that is none.
    """
    try:
        state = path.stat()
        return remembered(path, state.st_size, state.st_mtime_ns)
    except (OSError, ValueError, csv.Error) as error:
        raise ImageError(
            f"{path} is no table of centres ({error}): a column with the image's name, then x and "
            "y in pixels are read"
        ) from error


@cache
def remembered(path: Path, size: int, changed: int) -> Mapping[str, tuple[float, float]]:
    """The same, read once as long as the file's size and time are the same: each image asks."""
    del size, changed
    head, *lines = workbook(path) if path.suffix.lower() == ".xls" else text(path)
    x, y = (column(head, axis) for axis in "xy")
    found = {}
    for line in lines:
        if len(line) > max(x, y) and line[0].strip() and line[x].strip() and line[y].strip():
            point = (float(line[x]), float(line[y]))
            if not all(map(math.isfinite, point)):
                raise ValueError(f"the centre of {line[0].strip()} is {point[0]:g}, {point[1]:g}")
            found[Path(line[0].strip().lower()).stem] = point
    return MappingProxyType(found)


def column(head: Sequence[str], axis: str) -> int:
    """Which column is x or y, e.g. "X- Coordinate" (IDRiD) or "Pap. Center x" (HRF)."""
    for place, name in enumerate(head):
        words = name.lower().replace("-", " ").split()
        if place and words and axis in (words[0], words[-1]):
            return place
    raise ValueError(f"no column {axis} among {', '.join(head)}")


def text(path: Path) -> list[list[str]]:
    """Lines of a CSV file, the head first."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [line for line in csv.reader(file) if line] or [[]]


def workbook(path: Path) -> list[list[str]]:
    """Lines of HRF's workbook, of which one row is taken from the second sheet.

    Raises:
        ValueError: If it is damaged.
    """
    import xlrd  # noqa: PLC0415  (needed for this one file)

    try:
        # What xlrd thinks of a damaged file goes to the terminal unless it has a file of its own.
        book = xlrd.open_workbook(path, logfile=io.StringIO())
        first = book.sheet_by_index(0)
    except OSError:
        raise
    # Of 3,000 damaged workbooks most gave no XLRDError but one of nine others, such as
    # CompDocError, BadZipFile, struct.error, IndexError and AssertionError.
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    lines = [[str(value) for value in first.row_values(row)] for row in range(first.nrows)]
    if book.nsheets > 1 and len(lines) > WRONG_ROW:
        right = book.sheet_by_index(1)
        if right.nrows > WRONG_ROW:
            values = [str(value) for value in right.row_values(WRONG_ROW)]
            lines[WRONG_ROW] = [lines[WRONG_ROW][0], *values[1:]]
    return lines


def tabled(path: Path, image: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """An image's point from a table, as fractions of the picture's width and height.

    Args:
        path: The table.
        image: The image's name there.
        shape: Height and width of the picture, pixels.

    Raises:
        ImageError: If the table has no such image.
    """
    known = centres(path)
    if image.lower() not in known:
        raise ImageError(f"{path} has no centre of {image}")
    x, y = known[image.lower()]
    height, width = shape[:2]
    # A pixel's number is its middle.
    return (x + 0.5) / width, (y + 0.5) / height


def centroid(path: Path) -> tuple[float, float]:
    """Where a mask's foreground has its centre, as fractions of the mask's width and height.

    Raises:
        ImageError: If the mask cannot be read or is empty.
    """
    mask = read_mask(path) > 0
    if not mask.any():
        raise ImageError(f"{path} is empty: it has no centre")
    rows, columns = mask.nonzero()
    height, width = mask.shape
    return (float(columns.mean()) + 0.5) / width, (float(rows.mean()) + 0.5) / height
