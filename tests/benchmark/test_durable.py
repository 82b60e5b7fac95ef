"""Folders that are there whole or not at all, whatever goes wrong while they are written."""

import contextlib
import errno
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.durable import (
    FAULTS,
    SEAL,
    StoreError,
    intact,
    json_text,
    put_file,
    put_folder,
    remove_folder,
    sealed,
    sweep,
)

#: Calls by which a folder gets to the disk.
CALLS = ("mkdir", "open", "write", "fsync", "rename", "close")


def fill(folder: Path) -> None:
    (folder / "a.txt").write_text("first")
    (folder / "b.txt").write_text("second")


def fail_at(number: int, monkeypatch: pytest.MonkeyPatch, code: int) -> Callable[[], int]:
    """Let the so many-th call that touches the disk fail; tells how many there were."""
    calls = 0

    def failing(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == number:
                raise OSError(code, os.strerror(code))
            return real(*arguments, **named)

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, failing(getattr(os, name)))
    monkeypatch.setattr(Path, "open", failing(Path.open))
    return lambda: calls


def test_a_fault_at_every_step_leaves_all_or_nothing(tmp_path: Path) -> None:
    """As many attempts as there are calls, each failing at another one."""
    whole, faults = 0, 0
    for number in range(1, 200):
        place = tmp_path / str(number) / "cell"
        (tmp_path / str(number)).mkdir()
        with pytest.MonkeyPatch.context() as patch:
            count = fail_at(number, patch, errno.EIO)
            try:
                put_folder(place, fill)
            except StoreError:
                faults += 1
        if place.exists():
            assert sorted(path.name for path in place.iterdir()) == [
                "SHA256.json", "a.txt", "b.txt",
            ]  # fmt: skip
            assert intact(place, "a.txt") == b"first"
            assert intact(place, "b.txt") == b"second"
            whole += 1
        # What is left beside it is swept by the next who may write.
        sweep(place)
        assert [path.name for path in place.parent.iterdir()] == ["cell"] * place.exists()
        if count() < number:
            break
    # It is there if the folder around it could not be forced to disk, and if nothing failed.
    assert whole >= 2
    assert faults - whole >= 15


def test_a_fault_never_damages_what_is_there(tmp_path: Path) -> None:
    place = tmp_path / "cell"
    put_folder(place, fill)
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    for number in range(1, 40):
        with pytest.MonkeyPatch.context() as patch:
            fail_at(number, patch, errno.EIO)
            with contextlib.suppress(StoreError):
                assert not put_folder(place, fill)
        assert {path.name: path.read_bytes() for path in place.iterdir()} == before


@pytest.mark.parametrize("code", FAULTS)
def test_what_the_machine_refuses_is_one_line(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=r"cannot write .*cell: .* and run again; everything"):
        put_folder(tmp_path / "cell", fill)
    with pytest.raises(StoreError, match=r"cannot write .*file"):
        put_file(tmp_path / "file", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_veto_at_the_last_moment(tmp_path: Path) -> None:
    def veto() -> None:
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        put_folder(tmp_path / "cell", fill, veto)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_file(tmp_path / "file", "old")

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match="the disk does not work"):
            put_file(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"
    put_file(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_number_that_is_none_is_named_with_its_place() -> None:
    record = {"history": {"checks": [{"loss": 1.0}, {"loss": math.inf}]}}
    with pytest.raises(ValueError, match=r"^history\.checks\.1\.loss is inf, which cannot be kept"):
        json_text(record)


def test_a_removed_folder_is_gone_at_once(tmp_path: Path) -> None:
    put_folder(tmp_path / "cell", fill)
    remove_folder(tmp_path / "cell")
    remove_folder(tmp_path / "cell")
    assert list(tmp_path.iterdir()) == []


def test_a_seal_tells_what_was_changed(tmp_path: Path) -> None:
    put_folder(tmp_path / "cell", fill)
    assert set(sealed(tmp_path / "cell")) == {"a.txt", "b.txt"}
    (tmp_path / "cell" / "a.txt").write_text("First")
    with pytest.raises(StoreError, match=r"a.txt was changed after it was written"):
        intact(tmp_path / "cell", "a.txt")
    (tmp_path / "cell" / "c.txt").write_text("added")
    with pytest.raises(StoreError, match=r"c.txt was changed"):
        intact(tmp_path / "cell", "c.txt")


def test_what_was_written_may_be_read_by_whom_the_user_lets(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        put_folder(tmp_path / "cell", fill)
        put_file(tmp_path / "grid.json", "{}")
    finally:
        os.umask(old)
    assert (tmp_path / "cell").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "grid.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["a.txt", SEAL])
def test_a_folder_that_lacks_a_file_is_named(tmp_path: Path, name: str) -> None:
    """Else it would be computed again and again, and never committed."""
    place = tmp_path / "cell"
    assert put_folder(place, fill)
    assert not put_folder(place, fill)
    (place / name).unlink()
    with pytest.raises(StoreError, match=f"{name}.*: delete it and run the plan again"):
        put_folder(place, fill)
