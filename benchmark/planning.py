"""``ldbench plan``: what a plan will take, on this machine and on a GPU, before it is run."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.options import AsJson, Changes, Device, Only, PlanFile, Pools, Scale, Tasks
from methods.errors import ConfigError

if TYPE_CHECKING:
    from benchmark.forecast import Forecast, Row

Throughput = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help="TFLOP/s that a GPU sustains on convolutions, for its hours; less than its peak.",
    ),
]
HOUR = 3600.0
PETA = 1e15
#: What the operations hold, for readers of the table.
COUNTED = (
    "Counted: loss and gradients of every step, validation at every check, recalibration, passes "
    "over the pool, test images; pools as published. Not counted: the optimiser, clustering, "
    "scores, reading files."
)


def plan(
    plan: PlanFile,
    device: Device = "auto",
    task: Tasks = None,
    method: Only = None,
    pool: Pools = None,
    scale: Scale = 1.0,
    changes: Changes = None,
    gpu_tflops: Throughput = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check PLAN and forecast cells, images, operations, disk and hours; needs no data."""
    from benchmark.changes import Of, plan_from  # noqa: PLC0415

    if gpu_tflops is not None and not 0.0 < gpu_tflops < float("inf"):
        raise ConfigError(f"--gpu-tflops must be positive, not {gpu_tflops:g}")
    checked = plan_from(plan, scale, changes, Of(method, task, pool))
    from benchmark.forecast import forecast  # noqa: PLC0415
    from benchmark.listing import table  # noqa: PLC0415
    from benchmark.machine import device_called  # noqa: PLC0415

    seen = forecast(checked, device_called(device))
    if as_json:
        print(json.dumps(record(seen, gpu_tflops), indent=1))
        return
    rows = [shown(row, gpu_tflops) for row in [*seen.rows, seen.total]]
    table(rows, tuple(rows[0]))
    print()
    for line in notes(seen, checked.threads, gpu_tflops):
        print(line)


def record(seen: "Forecast", gpu_tflops: float | None) -> dict[str, object]:
    """Everything in plain numbers."""

    def plain(row: "Row") -> dict[str, object]:
        hours = {"hours": row.work.seconds / HOUR}
        if gpu_tflops is not None:
            hours["gpu_hours"] = gpu_hours(row, gpu_tflops)
        return {**asdict(row), **hours}

    setting = seen.setting
    return {
        "rows": [plain(row) for row in seen.rows],
        "total": plain(seen.total),
        "shared_bytes": seen.shared,
        "gpu_tflops": gpu_tflops,
        "measured": {
            "side": setting.side,
            "width": setting.width,
            "precision": setting.precision,
            "device": str(setting.device),
        },
    }


def gpu_hours(row: "Row", tflops: float) -> float:
    """Hours at a throughput."""
    return row.work.operations / (tflops * 1e12) / HOUR


def shown(row: "Row", gpu_tflops: float | None) -> dict[str, object]:
    """A row for the terminal."""
    cells: dict[str, object] = {
        "method": row.method,
        "encoders": row.encoders,
        "cells": row.cells,
        "drawn": short(row.pretraining.trained),
        "tuned": short(row.downstream.trained),
        "PFLOP": short(row.work.operations / PETA),
        "bytes": short(row.work.size),
        "hours": short(row.work.seconds / HOUR),
    }
    if gpu_tflops is not None:
        cells["GPU hours"] = short(gpu_hours(row, gpu_tflops))
    return cells


def short(number: int | float) -> str:
    """Three digits and a power of a thousand: 800k, 91.2M."""
    if 0.0 < number < 0.01:
        return "<0.01"
    for suffix in ("", "k", "M", "G", "T"):
        if number < 999.5:
            return f"{number:.{2 if number < 1.0 else 3}g}{suffix}"
        number /= 1000.0
    return f"{number:.3g}P"


def notes(seen: "Forecast", threads: int, gpu_tflops: float | None) -> list[str]:
    """What a reader of the table must know."""
    setting, total = seen.setting, seen.total
    parts = [
        f"{name} {short(work.operations / PETA)} PFLOP and {short(work.seconds / HOUR)} hours"
        for name, work in (("Pre-training", total.pretraining), ("fine-tuning", total.downstream))
    ]
    shared = ", ".join(f"{name} {short(size)} bytes" for name, size in seen.shared.items())
    measured = f"{setting.side} px, {setting.device}, {setting.precision}, threads: {threads}"
    lines = [
        "drawn, tuned: images of the training steps before and on the tasks.",
        f"{', '.join(parts)}. Besides, shared by all: {shared}.",
        COUNTED,
        f"hours: extrapolated by operations from single steps here, now ({measured});",
        "a machine busy with other work makes them more.",
    ]
    if gpu_tflops is not None:
        lines.append(f"GPU hours: the operations at the {gpu_tflops:g} TFLOP/s that you state.")
    return lines
