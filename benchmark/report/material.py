"""What of a results folder can be drawn."""

import pandas as pd

from benchmark.report.figures.drawn import Material
from benchmark.report.gathered import SEED, Gathered
from benchmark.report.probed import STAGE, feature_row, representation_means
from benchmark.report.qualitative import examples
from benchmark.report.sampled import Sampled


def material(found: Gathered, frame: pd.DataFrame, boards: list[Sampled]) -> Material:
    """Everything that the figures of a report are made of; features at the largest fraction."""
    tasks = dict.fromkeys(cell.task for cell in found.question.cells)
    most = max((cell.fraction for cell in found.there), default=1.0)
    probed = {
        cell: result
        for cell, result in found.there.items()
        if STAGE in cell.stages and cell.fraction == most
    }
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
