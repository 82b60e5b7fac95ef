"""Small results folders, with cells and encoders as far as sharing looks at them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.asked import Asked, Wanted, ask
from benchmark.cells import Cell, CellKey, CellResult, PretrainKey, Status, canonical
from benchmark.durable import put_folder, write_json
from benchmark.fingerprint import fingerprint
from benchmark.store import Store, folder_name

Files = dict[str, bytes]
TERMS = {"size": 64, "images": "real"}
TASK = "hrf_vessel"
COST = {"steps": 4, "pretraining": {"images_drawn": 4, "forward": 10**12, "backward": 10**12}}


def cell_of(method: str, seed: int = 0, manifest: str = "m", **config: object) -> Cell:
    """A cell of a method, by today's code if it is one of ours."""
    pretrain = PretrainKey(method, dict(config), "tiny", 64, {}, "mine", "p", (), seed, 1)
    settings = {"fraction": 1.0, "steps": 2}
    stages = ("frozen", "finetuned")
    key = CellKey(method, pretrain.hash, TASK, manifest, "p", stages, settings, seed, 1)
    code = {"gone": "1"} if method == "gone" else dict(fingerprint(f"methods.{method}"))
    name, encoder = folder_name(key.hash, code), folder_name(pretrain.hash, code)
    return Cell(key, pretrain, name, encoder, code)


def aged(cell: Cell) -> Cell:
    """The same cell, by older code of its method."""
    code = {**cell.fingerprint, f"methods.{cell.key.method}": "older"}
    return replace(cell, fingerprint=code, name=folder_name(cell.key.hash, code))


def facts(cell: Cell) -> dict[str, object]:
    """What a cell's JSON knows besides its scores."""
    return {
        "pool": "mine",
        "pool images": 9,
        "leaks excluded from the pool": 0,
        "encoder": cell.encoder,
        "kind": "anatomy",
    }


def put(
    folder: Path,
    *cells: Cell,
    status: Status = Status.DONE,
    terms: dict[str, object] = TERMS,
    source: str = "real",
) -> None:
    """A results folder with these cells, their encoders and a test image."""
    store = Store(folder)
    for cell in cells:
        place = len(cell.key.method) / 100
        rows = [(s, i, "dice", 0.5 + place) for s in cell.key.stages for i in ("a", "b")]
        result = CellResult(cell.key, status, "", "fundus", source, rows, facts(cell), COST)

        def picture(place: Path) -> None:
            Image.fromarray(np.zeros((8, 4), dtype=bool)).save(place / "masks_finetuned.png")

        store.put_cell(cell, result, picture)
        put_folder(store.encoders / cell.encoder, encoder(cell))
    put_folder(store.tests / f"{TASK}-m", lambda place: write_json(place / "ids.json", ["a"]))
    wanted = tuple(Wanted.by(cell, "fundus", source) for cell in cells)
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
