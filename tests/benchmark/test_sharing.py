"""Results travel whole, join a table without changing it, and nothing hostile gets in."""

import json
import re
import shutil
import stat
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmark import archive, unpacking
from benchmark.asked import Asked, Wanted, ask, asked
from benchmark.cells import Cell, CellKey, CellResult, PretrainKey, Status, canonical
from benchmark.durable import put_folder, write_json
from benchmark.fingerprint import fingerprint
from benchmark.store import Store, folder_name

Call = Callable[..., int]
Mistake = Callable[..., str]
Files = dict[str, bytes]
TERMS = {"size": 64, "images": "real"}
TASK = "hrf_vessel"


def cell_of(method: str, seed: int = 0, manifest: str = "m", **config: object) -> Cell:
    """A cell of a method, by today's code if it is one of ours."""
    pretrain = PretrainKey(method, dict(config), "tiny", 64, {}, "mine", "p", (), seed, 1)
    settings = {"fraction": 1.0, "steps": 2}
    stages = ("frozen", "finetuned")
    key = CellKey(method, pretrain.hash, TASK, manifest, "p", stages, settings, seed, 1)
    code = {"gone": "1"} if method == "gone" else dict(fingerprint(f"methods.{method}"))
    name, encoder = folder_name(key.hash, code), folder_name(pretrain.hash, code)
    return Cell(key, pretrain, name, encoder, code)


def put(
    folder: Path, *cells: Cell, status: Status = Status.DONE, terms: dict[str, object] = TERMS
) -> None:
    """A results folder with these cells, their encoders and a test image."""
    store = Store(folder)
    for cell in cells:
        place = len(cell.key.method) / 100
        rows = [(s, i, "dice", 0.5 + place) for s in cell.key.stages for i in ("a", "b")]
        facts = {
            "pool": "mine",
            "pool images": 9,
            "leaks excluded from the pool": 0,
            "encoder": cell.encoder,
        }
        result = CellResult(cell.key, status, "", "fundus", "real", rows, facts)

        def picture(place: Path) -> None:
            Image.fromarray(np.zeros((8, 4), dtype=bool)).save(place / "masks_finetuned.png")

        store.put_cell(cell, result, picture)
        put_folder(store.encoders / cell.encoder, encoder(cell))
    put_folder(store.tests / f"{TASK}-m", lambda place: write_json(place / "ids.json", ["a"]))
    wanted = tuple(Wanted.by(cell, "fundus", "real") for cell in cells)
    pretrains = {cell.encoder: canonical(cell.pretrain) for cell in cells}
    ask(folder, Asked("Shared", terms, pretrains, wanted))


def encoder(cell: Cell) -> Callable[[Path], None]:
    """Writes an encoder as far as sharing looks at it."""
    record = {
        "key": canonical(cell.pretrain),
        "fingerprint": dict(cell.fingerprint),
        "phases": {"pretraining": 1},
        "losses": [0.5],
        "checks": [{"step": 1, "loss": 0.5, "deviation": 0.1, "rank": 3.0}],
        "images_passed": 4,
        "cost": {"wall_seconds": 1.0},
    }

    def fill(place: Path) -> None:
        write_json(place / "pretrain.json", record)
        (place / "encoder.safetensors").write_bytes(b"tensors")

    return fill


def tree(root: Path) -> Files:
    """Every file below a folder."""
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def shared(tmp_path: Path, call: Call) -> Path:
    """An archive of one cell of ``ld`` with its encoder."""
    put(tmp_path / "ours", cell_of("ld"))
    assert call("export", tmp_path / "ours", tmp_path / "ld.zip", "--encoders") == 0
    return tmp_path / "ld.zip"


def test_what_travels_arrives_and_nothing_else(
    tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "ours", cell_of("ld"))
    shared = tmp_path / "ld.zip"
    assert call("export", tmp_path / "ours", shared, "--encoders") == 0
    assert "1 cells of ld and 1 encoders exported" in capsys.readouterr().out
    assert call("import", shared, "--out", tmp_path / "theirs") == 0
    assert "1 cells imported, 0 kept" in capsys.readouterr().out
    sent, come = tree(tmp_path / "ours"), tree(tmp_path / "theirs")
    kept = {name: data for name, data in sent.items() if not name.startswith("test_images")}
    assert {**come, ".grid.lock": b""} == {**kept, ".grid.lock": b""}
    assert call("leaderboard", tmp_path / "theirs") == 0
    assert not (tmp_path / "theirs" / "predictions.png").exists()
    assert call("status", tmp_path / "theirs") == 0


def test_the_same_results_give_the_same_bytes(tmp_path: Path, shared: Path, call: Call) -> None:
    assert call("import", shared, "--out", tmp_path / "theirs") == 0
    assert call("export", tmp_path / "theirs", tmp_path / "again.zip", "--encoders") == 0
    assert (tmp_path / "again.zip").read_bytes() == shared.read_bytes()


def test_one_method_joins_a_published_table(
    tmp_path: Path, shared: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    public = tmp_path / "public"
    put(public, cell_of("random"), cell_of("byol"))
    before = tree(public)
    assert call("import", shared, "--out", public) == 0
    after = tree(public)
    assert {name: after[name] for name in before if name != "grid.json"} == {
        name: data for name, data in before.items() if name != "grid.json"
    }
    assert [cell.method for cell in asked(public).cells] == ["random", "byol", "ld"]
    assert set(asked(public).pretrains) == {cell_of(m).encoder for m in ("random", "byol", "ld")}
    capsys.readouterr()
    (public / "test_images" / f"{TASK}-m" / "ids.json").unlink()
    shutil.rmtree(public / "test_images")
    assert call("leaderboard", public, "--json") == 0
    boards = json.loads(capsys.readouterr().out)["boards"]
    assert {row["method"] for row in boards[0]["rows"]} == {"random", "byol", "ld"}
    assert all(row["missing"] == 0 for board in boards for row in board["rows"])


def test_an_import_never_overwrites(
    tmp_path: Path, shared: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "mine", cell_of("ld"), status=Status.FAILED)
    before = tree(tmp_path / "mine")
    capsys.readouterr()
    for _ in range(2):
        assert call("import", shared, "--out", tmp_path / "mine") == 0
        assert "0 cells imported, 1 kept as they were\n0 encoders imported, 1 kept" in (
            capsys.readouterr().out
        )
        assert tree(tmp_path / "mine") == before


@pytest.mark.parametrize(
    ("cells", "terms", "message"),
    [
        ([cell_of("random")], {"size": 128, "images": "real"}, r"differs in size \(128, not 64\)"),
        ([cell_of("ld", rate=1)], TERMS, r"does not go with: it differs in pretrain \("),
        ([cell_of("random", manifest="n")], TERMS, r"differs in manifest \(n, not m\)"),
    ],
)
def test_what_does_not_belong_in_one_table_is_refused(
    tmp_path: Path,
    shared: Path,
    mistake: Mistake,
    cells: list[Cell],
    terms: dict[str, object],
    message: str,
) -> None:
    put(tmp_path / "mine", *cells, terms=terms)
    before = tree(tmp_path / "mine")
    assert re.search(message, mistake("import", shared, "--out", tmp_path / "mine"))
    assert tree(tmp_path / "mine") == before


def test_foreign_results_travel(
    tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "ours", cell_of("gone"), cell_of("random"))
    assert call("export", tmp_path / "ours", tmp_path / "x.zip", "--method", "gone") == 0
    assert call("import", tmp_path / "x.zip", "--out", tmp_path / "theirs") == 0
    capsys.readouterr()
    assert call("leaderboard", tmp_path / "theirs") == 0
    assert "not installed here: gone" in capsys.readouterr().out


def test_only_finished_cells_of_todays_code_travel_unasked(
    tmp_path: Path, call: Call, mistake: Mistake, capsys: pytest.CaptureFixture[str]
) -> None:
    now, ours = cell_of("ld"), tmp_path / "ours"
    code = {**now.fingerprint, "methods.ld": "0" * 64}
    old = replace(
        now,
        name=folder_name(now.key.hash, code),
        encoder=folder_name(now.pretrain.hash, code),
        fingerprint=code,
    )
    put(ours, old)
    put(ours, cell_of("byol"), status=Status.FAILED)
    line = mistake("export", ours, tmp_path / "x.zip")
    assert "no finished cell to export (1 stale, 1 failed)" in line
    assert "unknown method of" in mistake("export", ours, tmp_path / "x.zip", "--method", "lb")
    assert not (tmp_path / "x.zip").exists()
    assert call("export", ours, tmp_path / "x.zip", "--stale") == 0
    assert "1 cells of ld and 0 encoders exported" in capsys.readouterr().out
    assert "there already" in mistake("export", ours, tmp_path / "x.zip", "--stale")
    assert call("import", tmp_path / "x.zip", "--out", tmp_path / "theirs") == 0
    assert "are stale: methods.ld changed" in mistake("leaderboard", tmp_path / "theirs")


def test_a_damaged_cell_does_not_travel(tmp_path: Path, mistake: Mistake) -> None:
    put(tmp_path / "ours", cell_of("ld"))
    (path,) = (tmp_path / "ours" / "cells").glob("*/per_image.parquet")
    path.write_bytes(path.read_bytes() + b" ")
    assert "was changed after it was written" in mistake("export", tmp_path / "ours", "x.zip")


def test_what_no_import_would_take_is_not_exported(
    tmp_path: Path, mistake: Mistake, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "ours", cell_of("ld"))
    monkeypatch.setitem(archive.KNOWN["cells"], "cell.json", 10)
    assert "cell.json cannot be exported" in mistake("export", tmp_path / "ours", tmp_path / "x")
    monkeypatch.setitem(archive.KNOWN["cells"], "cell.json", archive.MIB)
    (path,) = (tmp_path / "ours" / "cells").iterdir()
    (path / "notes.txt").write_text("mine")
    assert "notes.txt was added later" in mistake("export", tmp_path / "ours", tmp_path / "x")
    assert not (tmp_path / "x").exists()


# Hostile and broken archives: a file's entries, changed, and packed again.

CELL, ENCODER = f"cells/{cell_of('ld').name}", f"encoders/{cell_of('ld').encoder}"
ELSEWHERE = "encoders/0123456789abcdef-01234567"


def zipped(path: Path, files: Files, kind: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", kind) as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)


def listing(files: Files, **changes: object) -> Files:
    """The files with a manifest that agrees with them, and with changes to it."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: sha256(data).hexdigest() for name, data in files.items() if name != "manifest.json"
    }
    return {**files, "manifest.json": json.dumps({**manifest, **changes}).encode()}


def sealed(files: Files, folder: str = CELL) -> Files:
    """The files with digests of a folder that agree with them, and a manifest that does."""
    own = {n.rpartition("/")[2]: sha256(d).hexdigest() for n, d in files.items() if folder in n}
    own.pop("SHA256.json", None)
    return listing({**files, f"{folder}/SHA256.json": json.dumps(own).encode()})


def edited(files: Files, name: str, change: Callable[[bytes], bytes]) -> Files:
    return {**files, name: change(files[name])}


def record(**changes: object) -> Callable[[Files], Files]:
    """A cell whose JSON is changed by somebody who renews every digest."""

    def change(data: bytes) -> bytes:
        return json.dumps({**json.loads(data), **changes}).encode()

    return lambda files: sealed(edited(files, f"{CELL}/cell.json", change))


def with_file(name: str) -> Callable[[Files], Files]:
    return lambda files: listing({**files, name: b"x"})


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: sealed({n: d for n, d in files.items() if n != name})


HOSTILE: dict[str, tuple[Callable[[Files], Files], str]] = {
    "out of the folder": (with_file("cells/../../evil"), "is no file that results have"),
    "absolute": (with_file("/etc/evil"), "is no file that results have"),
    "drive": (with_file("C:\\evil"), "is no file that results have"),
    "hidden": (with_file(f"{CELL}/.bashrc"), "is no file that results have"),
    "nested": (with_file(f"{CELL}/cells/cell.json"), "is no file that results have"),
    "foreign name": (with_file(f"{CELL}/run.py"), "is no file that results have"),
    "foreign folder": (with_file("cells/abc/cell.json"), "is no file that results have"),
    "test image": (with_file("test_images/hrf_vessel-m/images.png"), "is no file that results"),
    "unlisted": (lambda files: {**files, f"{ENCODER}/card.json": b"{}"}, "not both in it and in"),
    "lacking": (lambda f: {n: d for n, d in f.items() if "parquet" not in n}, "not both in it"),
    "no manifest": (lambda f: {n: d for n, d in f.items() if n in CELL}, "has no manifest.json"),
    "no json": (lambda f: {**f, "manifest.json": b"["}, "manifest.json is no JSON"),
    "deep json": (lambda f: {**f, "manifest.json": b"[" * 10**5}, "manifest.json is no JSON"),
    "another version": (lambda f: listing(f, format=2), "is of format 2, and this ldbench reads 1"),
    "no version": (lambda f: {**f, "manifest.json": b"{}"}, "is of format None"),
    "no number": (lambda f: listing(f, terms={"size": float("nan")}), "manifest.json is no JSON"),
    "no finite number": (
        lambda f: edited(listing(f), "manifest.json", lambda d: d.replace(b"64", b"1e999", 1)),
        "manifest.json is no JSON",
    ),
    "no text": (lambda f: listing(f, title="\ud800"), "manifest.json is no JSON"),
    "an escape": (lambda f: listing(f, title="\x1b[2J"), "json: title: String should match"),
    "escapes in a key": (lambda f: listing(f, **{"\n\x1b[2J": 1}), "json:   [2J: Extra inp"),
    "unknown field": (lambda f: listing(f, more=1), "manifest.json: more: Extra inputs"),
    "wrong type": (lambda f: listing(f, cells=1), "manifest.json: cells: Input should be"),
    "other cells": (lambda f: listing(f, cells=[]), "its list of cells is not what its cells say"),
    "other encoders": (lambda f: listing(f, pretrains={}), "its list of cells is not what its"),
    "wrong hash": (
        lambda f: edited(f, f"{CELL}/per_image.parquet", lambda data: data[::-1]),
        "per_image.parquet was changed: its SHA-256 is not the one in",
    ),
    "wrong seal": (
        lambda f: listing(edited(f, f"{CELL}/per_image.parquet", lambda data: data[::-1])),
        "is not as it was written: its SHA256.json does not agree",
    ),
    "no scores": (without(f"{CELL}/per_image.parquet"), "has no per_image.parquet"),
    "unreadable scores": (
        lambda f: sealed(edited(f, f"{CELL}/per_image.parquet", lambda data: data[:-9])),
        "per_image.parquet cannot be read",
    ),
    "no picture": (
        lambda f: sealed(edited(f, f"{CELL}/masks_finetuned.png", lambda _: b"GIF")),
        "is no PNG of masks",
    ),
    "failed": (record(status="failed"), "is not done"),
    "no status": (record(status="fine"), "is no cell of this version: status"),
    "other code": (record(fingerprint={"methods.ld": "2"}), "has a key of another name"),
    "other settings": (record(pretrain=canonical(cell_of("ld", rate=2).pretrain)), "another enc"),
    "no facts": (record(facts={}), "is no cell of this version: facts.encoder: Field required"),
    "no share": (
        record(key={**canonical(cell_of("ld").key), "settings": {"fraction": "1"}}),
        "is no cell of this version: : Input should be a valid number",
    ),
    "a path": (record(domain="../x"), "is no name"),
    "other source": (record(source="phantom"), "its list of cells is not what its cells say"),
    "encoder elsewhere": (
        lambda f: sealed({n.replace(ENCODER, ELSEWHERE): d
                          for n, d in f.items()}, ELSEWHERE),
        "has a key of another name",
    ),
    "edited encoder": (
        lambda f: edited(f, f"{ENCODER}/encoder.safetensors", lambda _: b"tensorz"),
        "encoder.safetensors was changed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_of_a_hostile_archive_is_written(
    tmp_path: Path, shared: Path, mistake: Mistake, what: str
) -> None:
    change, message = HOSTILE[what]
    with zipfile.ZipFile(shared) as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    zipped(tmp_path / "hostile.zip", change(files))
    line = mistake("import", tmp_path / "hostile.zip", "--out", tmp_path / "theirs")
    assert message in line
    assert line.isprintable()
    assert not (tmp_path / "theirs").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"ours", "ld.zip", "hostile.zip"}


def test_edited_scores_are_refused(tmp_path: Path, shared: Path, mistake: Mistake) -> None:
    with zipfile.ZipFile(shared) as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    name = f"{CELL}/per_image.parquet"
    table = pq.read_table(pa.BufferReader(files[name]))
    for score, place in ((1.5, "outside of"), (0.9, "its SHA256.json does not agree")):
        new = table.set_column(3, "score", pa.array([score] * len(table)))
        sink = pa.BufferOutputStream()
        pq.write_table(new, sink)
        changed = {**files, name: sink.getvalue().to_pybytes()}
        zipped(tmp_path / "h.zip", sealed(changed) if score > 1 else listing(changed))
        assert place in mistake("import", tmp_path / "h.zip", "--out", tmp_path / "theirs")


def test_links_and_devices_are_refused(tmp_path: Path, shared: Path, mistake: Mistake) -> None:
    for kind in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFDIR, stat.S_IFIFO):
        path = tmp_path / f"{kind}.zip"
        shutil.copy(shared, path)
        info = archive.entry(f"{ENCODER}/card.json")
        info.external_attr = (kind | 0o777) << 16
        with zipfile.ZipFile(path, "a") as bundle:
            bundle.writestr(info, "/etc/passwd")
        line = mistake("import", path, "--out", tmp_path / "theirs")
        assert "is a link or a device, not a file" in line


def test_a_name_twice_is_refused(tmp_path: Path, shared: Path, mistake: Mistake) -> None:
    with zipfile.ZipFile(shared, "a") as bundle, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bundle.writestr(archive.entry(f"{CELL}/cell.json"), "{}")
    assert "is there twice" in mistake("import", shared, "--out", tmp_path / "theirs")


def test_bombs_are_refused(
    tmp_path: Path, shared: Path, mistake: Mistake, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.zip"
    zipped(bomb, {"manifest.json": b"0" * 10**7}, zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 10**5
    assert "is compressed" in mistake("import", bomb, "--out", tmp_path / "theirs")
    zipped(bomb, {f"{CELL}/SHA256.json": b"0" * (archive.MIB + 1)})
    assert "has 1048577 bytes, but at most" in mistake("import", bomb, "--out", tmp_path / "x")
    monkeypatch.setattr(unpacking, "MOST_BYTES", 100)
    assert "bytes, which it may not" in mistake("import", shared, "--out", tmp_path / "theirs")
    monkeypatch.setattr(unpacking, "MOST_FILES", 3)
    assert "more than 3 files" in mistake("import", shared, "--out", tmp_path / "theirs")


def test_a_size_that_the_list_lies_about_is_noticed(
    tmp_path: Path, shared: Path, mistake: Mistake
) -> None:
    data = shared.read_bytes()
    place = data.rindex(b"manifest.json") - 46  # its entry in the list at the end
    for lie in (10, 10**9):
        size = lie.to_bytes(4, "little")
        (tmp_path / "lie.zip").write_bytes(
            data[: place + 20] + size + size + data[place + 28 :]
        )  # both of its sizes
        line = mistake("import", tmp_path / "lie.zip", "--out", tmp_path / "theirs")
        assert "lie.zip" in line


def test_a_file_cut_short_anywhere_is_refused(
    tmp_path: Path, shared: Path, mistake: Mistake
) -> None:
    data, short = shared.read_bytes(), tmp_path / "short.zip"
    for length in [*range(0, len(data), 997), len(data) - 1]:
        short.write_bytes(data[:length])
        line = mistake("import", short, "--out", tmp_path / "theirs")
        assert "is no archive of `ldbench export`, or is cut short" in line
    assert "cannot be read" in mistake("import", tmp_path / "no.zip", "--out", tmp_path / "theirs")
    assert not (tmp_path / "theirs").exists()


def test_a_flipped_byte_anywhere_is_harmless(
    tmp_path: Path, shared: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    data, flipped = shared.read_bytes(), tmp_path / "flipped.zip"
    put(tmp_path / "whole", cell_of("ld"))
    whole = {n: d for n, d in tree(tmp_path / "whole").items() if n.startswith(("cells", "enc"))}
    refused = 0
    for place in range(11, len(data), 499):
        flipped.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        theirs = tmp_path / f"theirs{place}"
        if call("import", flipped, "--out", theirs):
            refused += 1
            assert len(capsys.readouterr().err.strip().splitlines()) == 1
            assert not theirs.exists()
        else:  # a byte that says nothing, such as a date
            come = tree(theirs)
            assert {n: come[n] for n in whole} == whole
    assert refused


def test_neither_way_needs_torch() -> None:
    modules = "benchmark.sharing, benchmark.receiving, benchmark.cli"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
