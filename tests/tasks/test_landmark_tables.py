"""Tables of centres as their owners give them out, and such as cannot be used."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.landmarks.tables import centres, centroid, tabled
from tasks.reading import ImageError


@pytest.mark.parametrize(
    "text",
    [
        "Image No,X- Coordinate,Y - Coordinate,,\nIDRiD_001,2568,1756,,\n,,,,\n",
        "image,Pap. Center x,Pap. Center y,disk diameter\nIDRiD_001.jpg,2568,1756,300\n",
        "\ufeffname,x,y\nidrid_001,2568.0,1756.0\n",
    ],
)
def test_owners_tables_are_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "centres.csv"
    path.write_text(text, encoding="utf-8")
    assert centres(path) == {"idrid_001": (2568.0, 1756.0)}
    assert tabled(path, "IDRiD_001", (2848, 4288)) == (2568.5 / 4288, 1756.5 / 2848)
    with pytest.raises(ImageError, match="has no centre of IDRiD_002"):
        tabled(path, "IDRiD_002", (2848, 4288))


@pytest.mark.parametrize("text", ["", "a,b,c\n1,2,3\n", "image,x,y\none,far,2\n"])
def test_tables_of_something_else_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "centres.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ImageError, match="is no table of centres"):
        centres(path)


def test_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "optic_disk_centers.xls"
    path.write_text("no workbook")
    with pytest.raises(ImageError, match="is no table of centres"):
        centres(path)


def test_hrfs_wrong_row_is_taken_from_the_second_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head: list[Any] = ["image", "Pap. Center x", "Pap. Center y"]
    rows = [head, *([f"{n:02d}_dr", 100.0 * n, 10.0 * n] for n in range(1, 6))]
    right = [[row[0], -1.0, -1.0] for row in rows]
    right[4] = ["ignored", 401.0, 41.0]

    def sheet(lines: list[Any]) -> Any:  # noqa: ANN401
        return SimpleNamespace(nrows=len(lines), row_values=lambda row: lines[row])

    sheets = [sheet(rows), sheet(right)]
    book = SimpleNamespace(nsheets=2, sheet_by_index=lambda place: sheets[place])
    monkeypatch.setattr("xlrd.open_workbook", lambda _: book)
    found = centres(tmp_path / "optic_disk_centers.xls")
    assert found["04_dr"] == (401.0, 41.0)
    assert found["03_dr"] == (300.0, 30.0)
    assert found["05_dr"] == (500.0, 50.0)


def test_a_centroid_is_the_mean_of_the_foreground(tmp_path: Path) -> None:
    mask = np.zeros((40, 20), dtype=np.uint8)
    mask[10:20, 4:8] = 76
    Image.fromarray(mask).save(tmp_path / "mask.png")
    assert centroid(tmp_path / "mask.png") == pytest.approx((6.0 / 20, 15.0 / 40))
    Image.fromarray(np.zeros_like(mask)).save(tmp_path / "none.png")
    with pytest.raises(ImageError, match="is empty"):
        centroid(tmp_path / "none.png")
