"""``ldbench tune report``: what studies have found, as tables, JSON and figures."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from benchmark.durable import put_file, writing
from benchmark.listing import table
from benchmark.report.estimate import NOTHING, Estimate
from benchmark.report.figures.canvas import png
from benchmark.report.figures.captions import SOURCES
from benchmark.report.figures.tuning import history_figure, parallel_figure
from benchmark.report.tuned import Gain, gain, importance
from benchmark.store import Store
from benchmark.tuning.snapshot import Snapshot, scores_name, snapshots

#: Seed of the bootstrap; the same studies give the same report.
SEED = 0
#: A study's columns, in two tables, so that they fit a terminal; budget and end are said below.
COUNTS = ("trials", "to the end", "pruned", "failed", "queued again", "images drawn")
GAINS = ("objective, defaults", "objective, best", "best trial", "gain", "held out")
#: What readers must know of the table.
NOTES = (
    "Objective: what tuning maximises, the mean over the tasks of the share of what no "
    "pre-training leaves to win; no Dice. "
    "Gain: mean validation Dice of the best trial less that of the defaults, over the tasks, with "
    "95 % over images, on the very images by which it was chosen, so it flatters. Held out: the "
    "choice among the trials of the last rung, repeated on the images of half of the persons and "
    "scored on the others', so it flatters less; the central 95 % of such splits. One seed. "
    "Importance: fANOVA on the first rung; with a few dozen trials a hint."
)

#: Why a gain has no interval.
LONE = "Where a task's validation images cannot be split, nothing can be held out: no interval."


def publish(folder: Path, *, as_json: bool) -> None:
    """Write what a folder's studies have found, and print it.

    Raises:
        StoreError: If the folder holds no study, or one that cannot be read.
    """
    store, studies = Store(folder), snapshots(folder)
    gains = {s.folder: gain(store, s, np.random.default_rng(SEED)) for s in studies}
    weights = {s.folder: importance(s) for s in studies}
    record = [described(s, gains[s.folder], weights[s.folder], store) for s in studies]
    paths = [folder / name for name in ("tuning.json", "tuning.csv")]
    put_file(paths[0], json.dumps(record, indent=1) + "\n")
    rows = [summary(s, gains[s.folder], images(store, s)) for s in studies]
    put_file(paths[1], pd.DataFrame(rows).to_csv(index=False))
    begun = [study for study in studies if study.trials]
    with writing(folder):
        for name, draw in (("history", history_figure), ("parallel", parallel_figure)):
            if begun:
                paths.append(folder / f"tuning_{name}.png")
                paths[-1].write_bytes(png(draw(begun, title=title_of(name))))
    if as_json:
        print(paths[0].read_text(encoding="utf-8"), end="")
        return
    show(studies, rows, gains, weights, paths)


def title_of(name: str) -> str:
    """A figure's title."""
    return {
        "history": "Trials and their values, by images drawn",
        "parallel": "Hyperparameters of every trial (dashed: the defaults)",
    }[name]


def show(
    studies: Sequence[Snapshot],
    rows: Sequence[dict[str, object]],
    gains: Mapping[str, Gain | None],
    weights: Mapping[str, Mapping[str, float]],
    paths: Sequence[Path],
) -> None:
    """Print the tables."""
    console = Console(highlight=False)
    for columns in (COUNTS, GAINS):
        table(list(rows), ("method", "domain", *columns))
        console.print()
    for study in studies:
        end = "finished" if study.finished else "not finished"
        budget = f"{study.images[-1]} images at most, {end}"
        console.print(f"\n[bold]{study.method}, {study.domain}[/bold]: {budget}")
        own = values(study, weights[study.folder])
        table(own, tuple(own[0]))
        found = gains[study.folder]
        if found is not None:
            told = ", ".join(f"{task} {value:+.3f}" for task, value in found.by_task.items())
            console.print(f"gain by task: {told}")
        for trial in study.trials:
            if trial.state == "failed":
                console.print(f"trial {trial.index} failed: {trial.reason}", markup=False)
    console.print("\n" + " ".join(remarks(studies, gains)))
    for path in paths:
        console.print(f"  {path}", soft_wrap=True)


def remarks(studies: Sequence[Snapshot], gains: Mapping[str, Gain | None]) -> list[str]:
    """What readers must know of the tables; where nothing was gained, that above all."""
    kinds = dict.fromkeys(study.terms["images"] for study in studies)
    nothing = [
        f"{study.method} ({study.domain})"
        for study in studies
        if not ((found := gains[study.folder]) and found.held_out.low > 0.0)
    ]
    unknown = any(found and math.isnan(found.held_out.low) for found in gains.values())
    return [
        NOTES,
        *([f"No gain is shown, held out, for {', '.join(nothing)}."] if nothing else []),
        *([LONE] if unknown else []),
        *(SOURCES[kind] for kind in kinds if kind in SOURCES),
    ]


def summary(study: Snapshot, found: Gain | None, drawn: int) -> dict[str, object]:
    """A study in a row."""
    states = [trial.state for trial in study.trials]
    best, defaults, last = study.best, study.defaults, study.last
    return {
        "method": study.method,
        "domain": study.domain,
        "source": study.terms["images"],
        "budget": study.images[-1],
        "trials": sum(study.brackets),
        "to the end": states.count("complete"),
        "pruned": states.count("pruned"),
        "failed": states.count("failed"),
        "queued again": sum(trial.attempts - 1 for trial in study.trials),
        "images drawn": drawn,
        "objective, defaults": NOTHING if defaults is None else f"{defaults.values[last]:.3f}",
        "objective, best": NOTHING if best is None else f"{best.values[last]:.3f}",
        "best trial": NOTHING if best is None else best.index,
        "gain": text(found.chosen if found else None),
        "held out": text(found.held_out if found else None),
        "finished": "yes" if study.finished else "no",
    }


def text(estimate: Estimate | None) -> str:
    """A gain for people."""
    return NOTHING if estimate is None else estimate.text(3, signed=True)


def values(study: Snapshot, weights: Mapping[str, float]) -> list[dict[str, object]]:
    """A row a hyperparameter: defaults, best, range, importance."""
    best, first = study.best, next((t for t in study.trials if t.index == 0), None)
    return [
        {
            "hyperparameter": name,
            "defaults": NOTHING if first is None else f"{first.params[name]:.4g}",
            "best": NOTHING if best is None else f"{best.params[name]:.4g}",
            "range": f"{entry['low']:g} to {entry['high']:g}{', log' if entry['log'] else ''}",
            "importance": f"{weights[name]:.2f}" if name in weights else NOTHING,
        }
        for name, entry in study.terms["space"].items()
    ]


def images(store: Store, study: Snapshot) -> int:
    """Images that all of a study's trials have drawn."""
    from benchmark.tuning.trials import read, there  # noqa: PLC0415

    total = 0
    for trial in study.trials:
        name = scores_name(study.folder, trial, max(trial.values, default=0))
        total += read(store, name).record["images_drawn"] if there(store, name) else 0
    return total


def described(
    study: Snapshot, found: Gain | None, weights: Mapping[str, float], store: Store
) -> dict[str, Any]:
    """A study with all that was found, JSON-ready."""
    return {
        **asdict(study),
        "images_drawn": images(store, study),
        "best": study.best and study.best.index,
        "importance": dict(weights),
        "gain": found
        and {
            "chosen": found.chosen.record(),
            "held_out": found.held_out.record(),
            "by_task": found.by_task,
        },
    }
