"""Keys identify experiments; fingerprints identify code."""

import hashlib
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import methods
from benchmark import fingerprint as module
from benchmark.cells import CellKey, PretrainKey, canonical
from benchmark.fingerprint import fingerprint, imported, stripped
from tasks.manifest import digest

PRETRAIN = PretrainKey(
    method="ld",
    config={"learning_rate": 0.001},
    width="tiny",
    size=64,
    budget={"images": 64},
    pool="idrid_grading",
    manifest="abc",
    excluded=("a.jpg",),
    seed=0,
    threads=2,
)
CELL = CellKey(
    method="ld",
    pretrain=PRETRAIN.hash,
    task="hrf_vessel",
    manifest="def",
    protocol="segmentation-1",
    stages=("frozen", "finetuned"),
    settings={"steps": 2},
    seed=0,
    threads=2,
)


CHANGED: list[dict[str, Any]] = [
    {"method": "byol"},
    {"config": {}},
    {"excluded": ()},
    {"seed": 1},
    {"threads": 1},
]


@pytest.mark.parametrize("change", CHANGED, ids=lambda change: next(iter(change)))
def test_every_field_changes_the_hash(change: dict[str, Any]) -> None:
    assert replace(PRETRAIN, **change).hash != PRETRAIN.hash


def test_equal_keys_hash_alike_whatever_the_order_of_settings() -> None:
    one = replace(CELL, settings={"a": 1, "b": 2})
    two = replace(CELL, settings={"b": 2, "a": 1})
    assert one.hash == two.hash
    assert one.hash != CELL.hash


def test_the_hash_is_stable() -> None:
    text = (
        '{"budget":{"images":64},"config":{"learning_rate":0.001},"excluded":["a.jpg"],'
        '"manifest":"abc","method":"ld","pool":"idrid_grading","seed":0,"size":64,"threads":2,'
        '"width":"tiny"}'
    )
    assert PRETRAIN.hash == hashlib.sha256(text.encode()).hexdigest()


def test_a_field_added_later_leaves_old_keys_as_they_were() -> None:
    @dataclass(frozen=True)
    class Old:
        steps: int = 2

    @dataclass(frozen=True)
    class New:
        steps: int = 2
        augmentation: str = field(default="own", metadata={"added later": True})

    assert digest(canonical(New())) == digest(canonical(Old()))
    assert digest(canonical(New(augmentation="shared"))) != digest(canonical(Old()))


def test_a_fingerprint_covers_the_method_what_it_imports_and_the_loop() -> None:
    found = fingerprint("methods.ld")
    assert {
        "methods.ld",
        "methods.ld.losses",
        "methods.ld.views",
        "methods.views",
        "methods.networks",
        "methods.pretrain",
        "methods.statistics",
    } <= set(found)
    assert "methods.simclr" not in found
    assert "methods" not in found


def test_comments_and_docstrings_do_not_count_but_code_does() -> None:
    code = 'def f(x: int) -> int:\n    """Old."""\n    # why\n    return x + 1\n'
    assert stripped(code) == stripped(code.replace("Old", "New").replace("# why", ""))
    assert stripped(code) != stripped(code.replace("+ 1", "+ 2"))


def test_imports_are_found_wherever_they_stand() -> None:
    assert {"methods.a", "methods.b", "methods.b.c"} <= imported(
        "import methods.a\ndef f():\n    from methods.b import c\n"
    )


def test_a_changed_module_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint("methods.simclr")
    copy = tmp_path / "methods"
    shutil.copytree(Path(methods.__file__).parent, copy)
    text = (copy / "simclr.py").read_text(encoding="utf-8")
    (copy / "simclr.py").write_text(text.replace("dim_out: int = 128", "dim_out: int = 64"))
    monkeypatch.setattr(module, "ROOT", copy)
    after = fingerprint("methods.simclr")
    assert [name for name in before if before[name] != after[name]] == ["methods.simclr"]
