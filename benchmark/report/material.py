"""What of a results folder can be drawn."""

import pandas as pd

from benchmark.report.figures.drawn import Material
from benchmark.report.gathered import SEED, Gathered
from benchmark.report.probed import STAGE, feature_row, representation_means
from benchmark.report.qualitative import examples
from benchmark.report.sampled import Sampled


def material(found: Gathered, frame: pd.DataFrame, boards: list[Sampled]) -> Material:
    """Everything that figures are made of; features at each task's largest label fraction."""
    tasks = dict.fromkeys(cell.task for cell in found.question.cells)
    probes = {cell: result for cell, result in found.there.items() if STAGE in cell.stages}
    most = {
        task: max((c.fraction for c in probes if c.task == task), default=1.0) for task in tasks
    }
    probed = {cell: result for cell, result in probes.items() if cell.fraction == most[cell.task]}
    shown = (examples(found.store, found.there, task) for task in tasks)
    maps = (feature_row(found.store, probed, task) for task in tasks)
    return Material(
        frame=frame,
        boards=boards,
        order=found.order,
        seed=SEED,
        kinds=found.kinds,
        costs={method: price.tflop for method, price in found.about().prices.items()},
        representation=representation_means(probed),
        examples=[one for one in shown if one is not None],
        features=[one for one in maps if one is not None],
        feature_source=" and ".join(sorted({cell.source for cell in probed})),
    )
