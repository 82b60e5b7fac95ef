"""How studies went, as figures: values trial by trial, and hyperparameters side by side."""

import math
from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from benchmark.report.figures.canvas import DPI, footing, heading, look, room, settle
from benchmark.report.figures.captions import SOURCES
from benchmark.tuning.snapshot import Snapshot, Trial

COLUMNS = 3
#: What is to be known of each drawing.
HISTORY = (
    "Scored on the validation images that also choose among the trials; one seed. Pruned trials "
    "have no value at the later rungs."
)
PARALLEL = (
    "Colour: the value at the first rung (grey: none, it failed or is under way). Dashed: the "
    "defaults. Dots: the trial of the highest value at the last rung. One seed."
)


def history_figure(studies: Sequence[Snapshot], *, title: str) -> Figure:
    """A panel a study: each trial's value at every rung, and the best so far at the last one."""
    rungs = max(len(study.images) for study in studies)
    colours = sns.color_palette("colorblind", rungs).as_hex()
    with look():
        figure, body, axes = panels(studies, title, said(studies, HISTORY), height=2.6)
        for axis, study in zip(axes, studies, strict=True):
            for rung, images in enumerate(study.images):
                scored = [trial for trial in study.trials if rung in trial.values]
                axis.plot(
                    [trial.index for trial in scored],
                    [trial.values[rung] for trial in scored],
                    "o",
                    color=colours[rung],
                    markersize=3 + 1.5 * rung,
                    label=f"{images} images",
                )
            failed = [trial.index for trial in study.trials if trial.state == "failed"]
            if failed:
                axis.plot(failed, [0.0] * len(failed), "x", color="0.3", label="failed")
            final = [trial for trial in study.trials if study.last in trial.values]
            best = np.maximum.accumulate([trial.values[study.last] for trial in final])
            axis.step(
                [trial.index for trial in final],
                best,
                "-",
                where="post",
                color=colours[-1],
                label="best so far",
            )
            axis.axhline(0.0, color="0.25", linestyle="--", linewidth=1.0, label="no pre-training")
            axis.set_title(f"{study.method}, {study.domain}")
            axis.set_xlabel("trial (0: defaults)")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            sns.despine(ax=axis)
        axes[0].set_ylabel("share won of what\nthe floor leaves")
        shown = [axis.get_legend_handles_labels() for axis in axes]
        named = {
            label: line
            for lines, labels in shown
            for line, label in zip(lines, labels, strict=True)
        }
        body.legend([*named.values()], [*named], loc="outside lower center", ncols=4, frameon=False)
        settle(figure)
    return figure


def parallel_figure(studies: Sequence[Snapshot], *, title: str) -> Figure:
    """A panel a study: a line a trial over the hyperparameters' ranges, coloured by value."""
    with look():
        told = said(studies, PARALLEL)
        figure, _, axes = panels(studies, title, told, height=2.9, columns=1)
        for axis, study in zip(axes, studies, strict=True):
            parallel(figure, axis, study)
        settle(figure)
    return figure


def parallel(figure: Figure, axis: Axes, study: Snapshot) -> None:
    """Draw one study's trials."""
    names = list(study.terms["space"])
    values = [trial.values[0] for trial in study.trials if 0 in trial.values]
    norm = Normalize(min(values, default=0.0), max(values, default=1.0))
    colours = ScalarMappable(norm, sns.color_palette("viridis", as_cmap=True))
    for trial in sorted(study.trials, key=lambda one: one.values.get(0, -math.inf)):
        heights = [height(trial, study, name) for name in names]
        scored = 0 in trial.values
        axis.plot(
            range(len(names)),
            heights,
            ("--" if trial.index == 0 else "-") + ("o" if trial == study.best else ""),
            color=colours.to_rgba(np.array([trial.values[0]]))[0] if scored else "0.7",
            linewidth=2.2 if trial.index == 0 else 1.3,
        )
    labels = []
    for name in names:
        entry = study.terms["space"][name]
        scale = ", log" if entry["log"] else ""
        labels.append(f"{name}\n{entry['low']:g} to {entry['high']:g}{scale}")
    axis.set_xticks(range(len(names)), labels, fontsize=7)
    axis.set_yticks([])
    axis.set_ylim(-0.03, 1.03)
    axis.set_title(f"{study.method}, {study.domain}")
    figure.colorbar(colours, ax=axis, label=f"value at {study.images[0]} images", pad=0.02)
    sns.despine(ax=axis, left=True)


def height(trial: Trial, study: Snapshot, name: str) -> float:
    """Where on its range a trial's hyperparameter lies, 0 to 1 on the range's own scale."""
    entry, value = study.terms["space"][name], trial.params[name]
    low, high = float(entry["low"]), float(entry["high"])
    if entry["log"]:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (value - low) / (high - low)


def said(studies: Sequence[Snapshot], first: str) -> tuple[str, ...]:
    """What is written below a drawing: what it shows, and that phantoms are none of the world's."""
    kinds = dict.fromkeys(study.terms["images"] for study in studies)
    return (first, *(SOURCES[kind] for kind in kinds if kind in SOURCES))


def panels(
    studies: Sequence[Snapshot],
    title: str,
    told: Sequence[str],
    *,
    height: float,
    columns: int = COLUMNS,
) -> tuple[Figure, SubFigure, list[Axes]]:
    """A figure with a panel a study, and the part of it above its footing."""
    columns = min(columns, len(studies))
    rows = math.ceil(len(studies) / columns)
    width = 3.0 * columns if columns > 1 else 7.0
    tall = 0.6 + height * rows + room(width, title, told)
    figure = Figure(figsize=(width, tall), dpi=DPI, layout="constrained")
    heading(figure, title)
    footing(figure, *told)
    (body,) = figure.subfigures(1, 1, squeeze=False).ravel()
    axes = body.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axis in axes[len(studies) :]:
        axis.set_visible(False)
    return figure, body, axes[: len(studies)]
