"""What a reader has to know of the table of segmentation without labels."""

from collections.abc import Iterator, Mapping

import pandas as pd

from benchmark.asked import Wanted, difference
from benchmark.report.figures.captions import SOURCES
from benchmark.report.footers import (
    budget_notes,
    few_images_notes,
    few_seeds_notes,
    left_out_notes,
    persons_notes,
    pool_notes,
    seeds_notes,
    stale_notes,
    tuned_notes,
)
from benchmark.report.frame import Result
from benchmark.report.gathered import Gathered
from benchmark.report.mixed import mixed_notes
from benchmark.report.scores import Scores
from benchmark.report.selection import LACKING
from tasks import guided
from tasks.priors import DRAWN

#: What must be said, in red, of the clusters that test masks have chosen.
ORACLE_NOTE = (
    "Rows named oracle: the best single cluster, by largest share, chosen by the test masks: what "
    "one cluster without a prior could reach if it were known which, not a result. Rows of a prior "
    "take shares above 0.5, which is stricter."
)
READING = (
    "No label of a task's own images was used, in pre-training or afterwards, except by rows named "
    "oracle; what each prior is, is said below. Map: share of cluster 0 above 0.5; regions: "
    "softmax of the similarity with each region, above 0.5; refined: a second network taught by "
    "both on the training images, without masks. Predictions are confined to the field of view."
)
DRAWN_NOTE = (
    "Drawn masks ({}) are grown by the same program as the phantoms' vessels: what they teach here "
    "says nothing of another modality."
)


def notes(
    found: Gathered,
    frame: pd.DataFrame,
    named: Mapping[tuple[str, str], str],
    grid: Scores,
    covers: str,
) -> Iterator[str]:
    """What a reader has to know.

    Args:
        found: The folder.
        frame: The table's scores and cells without scores.
        named: The rows' labels by method and stage.
        grid: The same scores, laid out.
        covers: What the intervals cover, in words.
    """
    own = {c: r for c, r in found.there.items() if c.stages in guided.CELLS}
    yield from seeds_notes(*found.seeds)
    yield from source_notes(frame)
    yield f"Means over seeds and test images with 95 % intervals; {covers}."
    yield from few_seeds_notes(grid.seed_counts().values())
    yield from persons_notes(grid)
    yield from few_images_notes(grid.drawn_counts())
    yield READING
    yield from prior_notes(own)
    if set(guided.ORACLE) & set(frame["stage"]):
        yield ORACLE_NOTE
        yield from setting_notes(found)
    yield from lacking(frame, named)
    yield from mixed_notes(own)
    yield from pool_notes(result.facts for result in own.values())
    yield from stale_notes({c: r for c, r in found.old.items() if c in own})
    yield from left_out_notes(found.left_out)
    yield from budget_notes(found.question.terms)
    yield from tuned_notes(c for c in found.question.cells if c.stages in guided.CELLS)


def source_notes(frame: pd.DataFrame) -> Iterator[str]:
    """That images are not the tasks' own."""
    kinds = sorted(set(frame["source"]))
    if len(kinds) > 1:
        yield f"Kinds of images are mixed: {', '.join(kinds)}."
    else:
        yield from (SOURCES[kind] for kind in kinds if kind in SOURCES)


def prior_notes(own: Mapping[Wanted, Result]) -> Iterator[str]:
    """What each prior is."""
    said = {cell.method: str(r.facts["prior"]) for cell, r in own.items() if "prior" in r.facts}
    for method, prior in said.items():
        yield f"Prior {method}: {prior}."
    drawn = [method for method, prior in said.items() if prior.startswith(DRAWN)]
    if drawn and any(cell.source == "phantom" for cell in own):
        yield DRAWN_NOTE.format(", ".join(drawn))


def setting_notes(found: Gathered) -> Iterator[str]:
    """In what the oracle's LD and the rows of priors differ besides the prior."""
    known = {
        stages: {
            cell.method: found.question.pretrains[cell.encoder]["config"]
            for cell in found.question.cells
            if cell.stages == stages
        }
        for stages in (guided.ORACLE, guided.RULES)
    }
    for name, config in known[guided.ORACLE].items():
        rows: dict[str, list[str]] = {}
        for method, theirs in known[guided.RULES].items():
            both = [key for key in config if key in theirs]
            where = difference(*({key: each[key] for key in both} for each in (config, theirs)))
            rows.setdefault(", ".join(where), []).append(method)
        for where, methods in rows.items():
            pairs = "; batch_size counts images, two a pair" * ("batch_size" in where)
            if where:
                yield (
                    f"Besides the prior, {name} of the oracle differs from {', '.join(methods)} in "
                    f"{where}{pairs}."
                )


def lacking(frame: pd.DataFrame, named: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """Cells without scores, by name."""
    columns = ["method", "stage", "task", "seed"]
    for status, word in LACKING.items():
        rows = frame[frame["status"] == status].drop_duplicates(columns)
        cells = [
            f"{named[method, stage]} on {task} (seed {seed})"
            for method, stage, task, seed in rows[columns].itertuples(index=False)
        ]
        if cells:
            yield f"{word}: {'; '.join(cells)}."
