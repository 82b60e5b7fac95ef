"""How studies went, as figures: values trial by trial, and hyperparameters side by side."""

import math
from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmark.report.figures.canvas import DPI, heading, look, settle
from benchmark.tuning.snapshot import Snapshot, Trial

COLUMNS = 3


def history_figure(studies: Sequence[Snapshot], *, title: str) -> Figure:
    """A panel a study: each trial's value at every rung, and the best so far at the last one."""
    rungs = max(len(study.images) for study in studies)
    colours = sns.color_palette("colorblind", rungs).as_hex()
    with look():
        figure, axes = panels(studies, title, height=2.4)
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
            axis.step([trial.index for trial in final], best, "-", where="post", color=colours[-1])
            axis.axhline(0.0, color="0.25", linestyle="--", linewidth=1.0)
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
        figure.legend(
            [*named.values()], [*named], loc="outside lower center", ncols=4, frameon=False
        )
        settle(figure)
    return figure


def parallel_figure(studies: Sequence[Snapshot], *, title: str) -> Figure:
    """A panel a study: a line a trial over the hyperparameters' ranges, coloured by value.

    Values are of the first rung, which all trials have; the defaults are dashed, failed trials
    grey.
    """
    with look():
        figure, axes = panels(studies, title, height=2.9, columns=1)
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
            "--" if trial.index == 0 else "-",
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


def panels(
    studies: Sequence[Snapshot], title: str, *, height: float, columns: int = COLUMNS
) -> tuple[Figure, list[Axes]]:
    """A figure with a panel a study."""
    columns = min(columns, len(studies))
    rows = math.ceil(len(studies) / columns)
    width = 3.0 * columns if columns > 1 else 7.0
    figure = Figure(figsize=(width, 1.2 + height * rows), dpi=DPI, layout="constrained")
    heading(figure, title)
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axis in axes[len(studies) :]:
        axis.set_visible(False)
    return figure, axes[: len(studies)]
