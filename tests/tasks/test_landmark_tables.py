"""Tables of centres as their owners give them out, and such as cannot be used."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.landmarks.tables import centres, centroid, tabled, text
from tasks.reading import ImageError


@pytest.mark.parametrize(
    "table",
    [
        "Image No,X- Coordinate,Y - Coordinate,,\nIDRiD_001,2568,1756,,\n,,,,\n",
        "image,Pap. Center x,Pap. Center y,disk diameter\nIDRiD_001.jpg,2568,1756,300\n",
        "\ufeffname,x,y\nidrid_001,2568.0,1756.0\n",
    ],
)
def test_owners_tables_are_read(table: str, tmp_path: Path) -> None:
    path = tmp_path / "centres.csv"
    path.write_text(table, encoding="utf-8")
    assert centres(path) == {"idrid_001": (2568.0, 1756.0)}
    assert tabled(path, "IDRiD_001", (2848, 4288)) == (2568.5 / 4288, 1756.5 / 2848)
    with pytest.raises(ImageError, match="has no centre of IDRiD_002"):
        tabled(path, "IDRiD_002", (2848, 4288))


@pytest.mark.parametrize(
    "table",
    [
        "",
        "a,b,c\n1,2,3\n",
        "image,x,y\none,far,2\n",
        f'image,x,y\n"{"long" * 50_000}",1,2\n',  # more than the csv module takes of a field
    ],
)
def test_tables_of_something_else_are_refused(table: str, tmp_path: Path) -> None:
    path = tmp_path / "centres.csv"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(ImageError, match="is no table of centres"):
        centres(path)


#: What a workbook begins with: a compound document (.xls), or a zip archive (.xlsx).
COMPOUND, ZIPPED = bytes.fromhex("d0cf11e0a1b11ae1"), b"PK\x03\x04"


@pytest.mark.parametrize(
    "content",
    [
        b"no workbook",
        COMPOUND,  # struct.error
        COMPOUND + bytes(20) + b"\xfe\xff" + bytes(2000),  # CompDocError
        COMPOUND + bytes(20) + b"\xfe\xff" + b"\xff" * 2000,
        ZIPPED + b"torn",  # BadZipFile
    ],
)
def test_no_workbook_is_refused_in_one_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "optic_disk_centers.xls"
    path.write_bytes(content)
    with pytest.raises(ImageError, match="is no table of centres") as error:
        centres(path)
    assert "\n" not in str(error.value)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("point", ["nan,3", "3,inf"])
def test_points_that_are_no_numbers_are_refused_by_name(point: str, tmp_path: Path) -> None:
    path = tmp_path / "centres.csv"
    path.write_text(f"image,x,y\neye_1.jpg,1,2\neye_2.jpg,{point}\n")
    with pytest.raises(ImageError, match=r"the centre of eye_2.jpg is (nan, 3|3, inf)"):
        centres(path)


def test_a_table_is_read_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []

    def counted(path: Path) -> list[list[str]]:
        reads.append(path)
        return text(path)

    monkeypatch.setattr("tasks.landmarks.tables.text", counted)
    path = tmp_path / "centres.csv"
    path.write_text("image,x,y\none,1,2\n")
    assert [tabled(path, "one", (10, 10)) for _ in range(3)] == [(0.15, 0.25)] * 3
    assert len(reads) == 1
    path.write_text("image,x,y\none,1,2\ntwo,3,4\n")
    assert centres(path)["two"] == (3.0, 4.0)
    assert len(reads) == 2


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
    monkeypatch.setattr("xlrd.open_workbook", lambda *_, **__: book)
    path = tmp_path / "optic_disk_centers.xls"
    path.touch()
    found = centres(path)
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
