"""Prepared arrays: whole or not at all, continued, replaced, and no larger than they must be."""

import errno
import json
import os
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tasks.cache import VARIABLE, Recipe, cached, default_folder, manifests
from tasks.manifest import digest, hashes, sha256
from tasks.refusals import RefusedError, keep_room


def recipe(root: Path, count: int = 5, content: str = "a") -> Recipe:
    return Recipe("numbers-2", root, {"file": content * 64}, {"size": 2}, (count, 1, 2, 2))


def row(number: int) -> np.ndarray:
    return np.full((1, 2, 2), number + 1, dtype=np.uint8)


def test_an_array_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def counted(number: int) -> np.ndarray:
        made.append(number)
        return row(number)

    told: list[int] = []
    for _ in range(2):
        array = cached(tmp_path / "cache", recipe(tmp_path), counted, told.append)
        assert array[:, 0, 0, 0].tolist() == [1, 2, 3, 4, 5]
    assert sorted(made) == [0, 1, 2, 3, 4]
    assert told == [0, 1, 1, 1, 1, 1, 5]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 9


def test_a_stopped_preparation_goes_on_where_it_was(tmp_path: Path) -> None:
    made: list[int] = []
    lock = threading.Lock()

    def stopped(number: int) -> np.ndarray:
        with lock:
            if len(made) == 3:
                raise RuntimeError("power cut")
            made.append(number)
        return row(number)

    with pytest.raises(RuntimeError, match="power cut"):
        cached(tmp_path, recipe(tmp_path), stopped)
    assert not manifests(tmp_path)
    before = list(made)
    rest: list[int] = []

    def going_on(number: int) -> np.ndarray:
        rest.append(number)
        return row(number)

    array = cached(tmp_path, recipe(tmp_path), going_on)
    assert array[:, 0, 0, 0].tolist() == [1, 2, 3, 4, 5]
    assert sorted(before + rest) == [0, 1, 2, 3, 4]
    names = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    stem = recipe(tmp_path).path(tmp_path).stem
    assert names == {f"{stem}.npy", f"{stem}.json"}


def test_a_manifest_names_every_source(tmp_path: Path) -> None:
    cached(tmp_path, recipe(tmp_path), row)
    (record,) = manifests(tmp_path)
    assert record["sources"] == {"file": "a" * 64}
    assert record["root"] == str(tmp_path.resolve())
    assert record["sha256"] == sha256(record["path"])
    assert record["key"] == recipe(tmp_path).key


def test_a_changed_source_replaces_what_came_from_it(tmp_path: Path) -> None:
    cached(tmp_path, recipe(tmp_path), row)
    other_root = recipe(tmp_path / "elsewhere")
    cached(tmp_path, Recipe("numbers-2", other_root.root, {"x": "y"}, {}, (1, 1, 2, 2)), row)
    changed = recipe(tmp_path, content="b")
    array = cached(tmp_path, changed, lambda n: row(n) * 2)
    assert array[:, 0, 0, 0].tolist() == [2, 4, 6, 8, 10]
    assert not recipe(tmp_path).path(tmp_path).exists()
    assert len(manifests(tmp_path)) == 2


def test_two_at_once_make_it_once(tmp_path: Path) -> None:
    made: list[int] = []

    def slow(number: int) -> np.ndarray:
        made.append(number)
        return row(number)

    arrays: list[np.ndarray] = []
    workers = [
        threading.Thread(target=lambda: arrays.append(cached(tmp_path, recipe(tmp_path), slow)))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(made) == 5
    assert all(np.array_equal(array, arrays[0]) for array in arrays)
    assert len(arrays) == 4


def test_memory_does_not_grow_with_the_images(tmp_path: Path) -> None:
    side, peaks = 128, []
    for count in (20, 200):
        shape = (count, 1, side, side)
        many = Recipe(f"many{count}", tmp_path, {}, {"n": count}, shape)
        tracemalloc.start()
        cached(tmp_path, many, lambda n: np.full((1, side, side), n, dtype=np.uint8))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 60 * side * side  # 180 more images came


def test_the_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "here"))
    assert default_folder() == tmp_path / "here"
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "ldbench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "ldbench"


def test_a_hash_is_remembered_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ledger = tmp_path / "a.txt", tmp_path / "ledger.json"
    path.write_text("one", encoding="utf-8")
    os.utime(path, ns=(10**18, 10**18))
    monkeypatch.setattr("tasks.manifest.FRESH", 0)
    first = hashes(tmp_path, [path], ledger)
    assert first == {"a.txt": sha256(path)}
    entry = json.loads(ledger.read_text(encoding="utf-8"))["a.txt"]
    entry[-1] = "remembered"
    ledger.write_text(json.dumps({"a.txt": entry}), encoding="utf-8")
    assert hashes(tmp_path, [path], ledger) == {"a.txt": "remembered"}
    assert hashes(tmp_path, [path]) == first
    path.write_text("two", encoding="utf-8")
    os.utime(path, ns=(10**18, 10**18))  # as a copy that keeps times does
    changed = hashes(tmp_path, [path], ledger)
    assert changed == {"a.txt": sha256(path)} != first
    ledger.write_text("{", encoding="utf-8")
    assert hashes(tmp_path, [path], ledger) == changed


def test_a_file_that_may_change_within_the_clocks_tick_is_not_remembered(tmp_path: Path) -> None:
    path, ledger = tmp_path / "a.txt", tmp_path / "ledger.json"
    path.write_text("one", encoding="utf-8")
    hashes(tmp_path, [path], ledger)
    assert not ledger.exists()


def test_what_an_interrupted_preparation_left_goes_with_its_sources(tmp_path: Path) -> None:
    def stopped(number: int) -> np.ndarray:
        raise RuntimeError(str(number))

    for content in "ab":
        with pytest.raises(RuntimeError):
            cached(tmp_path, recipe(tmp_path, content=content), stopped)
    assert len(list(tmp_path.glob("*.unfinished.npy"))) == 2
    cached(tmp_path, recipe(tmp_path, content="c"), row)
    names = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    stem = recipe(tmp_path, content="c").path(tmp_path).stem
    assert names == {f"{stem}.npy", f"{stem}.json"}


def test_no_image_counts_before_it_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that goes down may keep the small file of ticks and lose the large one."""

    def fails(array: np.memmap) -> None:
        raise RuntimeError("the machine goes down")

    path = recipe(tmp_path).path(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(np.memmap, "flush", fails)
        with pytest.raises(RuntimeError, match="goes down"):
            cached(tmp_path, recipe(tmp_path), row)
    assert np.load(path.with_suffix(".ticks.npy")).tolist() == [0] * 5
    made = list[int]()

    def counted(number: int) -> np.ndarray:
        made.append(number)
        return row(number)

    cached(tmp_path, recipe(tmp_path), counted)
    assert sorted(made) == [0, 1, 2, 3, 4]


def test_what_was_damaged_while_beginning_is_begun_again(tmp_path: Path) -> None:
    path = recipe(tmp_path).path(tmp_path)
    for suffix in (".unfinished.npy", ".ticks.npy"):
        path.with_suffix(suffix).write_bytes(b"")
    assert cached(tmp_path, recipe(tmp_path), row)[:, 0, 0, 0].tolist() == [1, 2, 3, 4, 5]


def test_a_digest_is_of_the_value() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest(["a", "b"]) != digest(["ab"])
    assert len(digest(None)) == 64


def test_a_full_disk_is_noticed_before_rows_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing into a hole of a mapped file would end the process by a signal instead."""

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(RefusedError, match=r"prepared images to .*cache: the disk is full"):
            cached(tmp_path / "cache", recipe(tmp_path), row)
    assert cached(tmp_path / "cache", recipe(tmp_path), row)[:, 0, 0, 0].tolist() == [1, 2, 3, 4, 5]


def test_room_is_kept(tmp_path: Path) -> None:
    holes = tmp_path / "holes"
    with holes.open("wb") as file:
        file.truncate(2**20)
    assert holes.stat().st_blocks == 0
    keep_room(holes)
    assert holes.stat().st_blocks * 512 >= 2**20


def test_a_file_system_that_keeps_no_room_is_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(*_: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", unable)
    assert len(cached(tmp_path, recipe(tmp_path), row)) == 5


def test_a_cache_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(self))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(RefusedError, match=r"the disk is read-only: choose another folder \(--ca"):
        cached(tmp_path / "cache", recipe(tmp_path), row)


def test_a_source_that_may_not_be_read_is_not_the_caches_fault(tmp_path: Path) -> None:
    def refused(number: int) -> np.ndarray:
        raise PermissionError(errno.EACCES, "Permission denied", f"/sources/{number}.png")

    with pytest.raises(PermissionError, match="/sources/"):
        cached(tmp_path / "cache", recipe(tmp_path), refused)
