"""Archives that are hostile, damaged or cut short: nothing of them is written."""

import json
import shutil
import stat
import warnings
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmark import archive, unpacking
from benchmark.cells import canonical
from tests.benchmark.small_results import Files, cell_of, put, tree

Call = Callable[..., int]
Mistake = Callable[..., str]

# An archive's entries are changed and packed again.
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
