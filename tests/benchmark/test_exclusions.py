"""A pool's list of leaks is found once, kept, and never changed behind anybody's back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark import exclusions
from benchmark.exclusions import LeakError, judge, read, settled
from tasks.base import Source
from tasks.chasedb1 import ChaseDb1Vessel
from tasks.hrf import HrfVessel
from tasks.leaks import Leak
from tasks.pools import POOLS, Pool

DISC, HRF = ChaseDb1Vessel(), HrfVessel()


def pool(content: str = "x") -> Pool:
    files = ("a.jpg", "b.jpg", "c.jpg")
    hashes = dict.fromkeys(files, content * 64)
    array = np.zeros((3, 3, 8, 8), dtype=np.uint8)
    return Pool(POOLS["idrid_grading"], files, array, np.arange(3), "m", hashes, 1)


def pair(task: str, image: str) -> Leak:
    return Leak(f"{task}/1.jpg", image, "same picture", 0.9, task)


@pytest.fixture
def leaks(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Leak]]:
    """What comparing a task finds, by its name; the root holds what is listed here."""
    found: dict[str, list[Leak]] = {"chasedb1_vessel": [pair("chasedb1_vessel", "b.jpg")]}
    monkeypatch.setattr(
        exclusions,
        "recurrences",
        lambda _, tasks, __: [hit for task in tasks for hit in found.get(task.name, [])],
    )
    monkeypatch.setattr(exclusions, "tested", lambda task, _: f"digest of {task.name}")
    monkeypatch.setattr(exclusions, "with_tests", lambda *_: [])
    return found


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path, tmp_path / "cache")


def test_a_new_list_is_written_only_when_it_is_kept(
    tmp_path: Path, source: Source, leaks: dict[str, list[Leak]]
) -> None:
    found = settled(pool(), [DISC], source, tmp_path / "frozen")
    assert found.images == ["b.jpg"]
    assert not (tmp_path / "frozen").exists()
    found.keep()
    assert read(found.path) == found
    leaks.clear()  # whatever a comparison would give now
    assert settled(pool(), [DISC], source, tmp_path / "frozen").images == ["b.jpg"]


def test_every_task_of_the_root_is_compared_at_first(
    tmp_path: Path,
    source: Source,
    leaks: dict[str, list[Leak]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leaks["hrf_vessel"] = [pair("hrf_vessel", "c.jpg")]
    monkeypatch.setattr(exclusions, "with_tests", lambda *_: [DISC, HRF])
    found = settled(pool(), [DISC], source, tmp_path)
    assert found.images == ["b.jpg", "c.jpg"]
    assert list(found.compared) == ["chasedb1_vessel", "hrf_vessel"]


def test_a_task_added_later_changes_nothing_if_it_brings_no_leak(
    tmp_path: Path, source: Source, leaks: dict[str, list[Leak]]
) -> None:
    settled(pool(), [DISC], source, tmp_path).keep()
    leaks["hrf_vessel"] = [pair("hrf_vessel", "b.jpg")]  # left out already
    later = settled(pool(), [DISC, HRF], source, tmp_path)
    assert later.images == ["b.jpg"]
    assert set(later.compared) == {"chasedb1_vessel", "hrf_vessel"}


def test_a_task_added_later_that_brings_leaks_is_refused(
    tmp_path: Path, source: Source, leaks: dict[str, list[Leak]]
) -> None:
    settled(pool(), [DISC], source, tmp_path).keep()
    leaks["hrf_vessel"] = [pair("hrf_vessel", "a.jpg")]
    with pytest.raises(LeakError, match=r"1 test images of hrf_vessel .* e\.g\. a\.jpg: give"):
        settled(pool(), [DISC, HRF], source, tmp_path)
    other = settled(pool("y"), [DISC, HRF], source, tmp_path)  # another pool, another list
    assert other.images == ["a.jpg", "b.jpg"]


def test_the_policy_error_refuses(
    tmp_path: Path, source: Source, leaks: dict[str, list[Leak]]
) -> None:
    found = settled(pool(), [DISC], source, tmp_path)
    judge(found, "exclude")
    with pytest.raises(LeakError, match=r"1 images of the pool idrid_grading .* b\.jpg"):
        judge(found, "error")
    leaks.clear()
    judge(settled(pool("z"), [HRF], source, tmp_path), "error")


def test_left_out_images_leave_the_others_where_they_were() -> None:
    whole = pool()
    less = whole.without(["b.jpg"])
    assert (less.files, less.rows.tolist(), less.held_out) == (("a.jpg", "c.jpg"), [0, 2], 1)
    assert less.excluded == ("b.jpg",)
    # A held-out image that leaks is not replaced by a training image,
    fewer = replace(whole, held_out=2).without(["c.jpg"])
    assert (fewer.held_out, fewer.manifest) == (1, whole.manifest)
    # unless none would be left to validate on; the manifest tells the two apart.
    moved = whole.without(["c.jpg"])
    assert moved.held_out == 1
    assert moved.manifest != whole.manifest
