"""Test images with what each way to segment without labels makes of them."""

from collections.abc import Iterator

from benchmark.cells import Status
from benchmark.pictures import load_masks, load_test
from benchmark.report.figures import Drawing
from benchmark.report.figures.captions import image_caption
from benchmark.report.figures.examples import examples_figure
from benchmark.report.gathered import Gathered
from benchmark.report.guided import ways
from benchmark.report.qualitative import Examples, told_apart
from tasks import guided


def guided_drawings(found: Gathered) -> Iterator[Drawing]:
    """A sheet a task: best, median and worst test image, with every row's prediction."""
    for task in dict.fromkeys(cell.task for cell in found.question.cells):
        sheet = guided_examples(found, task)
        if sheet is not None:
            yield Drawing(
                f"examples_guided_{task}",
                f"Shape-guided predictions, {task}",
                image_caption("examples", sheet.source),
                examples_figure(sheet.rows, title=f"Without labels: {sheet.title}"),
            )


def guided_examples(found: Gathered, task: str) -> Examples | None:
    """The telling images of a task, from the smallest seed; None where nothing is kept."""
    own = {
        cell: result
        for cell, result in found.there.items()
        if cell.task == task and cell.stages in guided.CELLS and result.status is Status.DONE
    }
    if not own:
        return None
    seed = min(cell.seed for cell in own)
    cells = [cell for cell in own if cell.seed == seed]
    manifest = str(cells[0].key["manifest"])
    folder = found.store.tests / f"{task}-{manifest[:16]}"
    masks = {}
    for label, method, stage in ways(cells):
        (cell,) = (c for c in cells if c.method == method and stage in c.stages)
        path = found.store.cells / own[cell].folder / f"masks_{stage}.png"
        if cell.key["manifest"] == manifest and path.is_file():
            masks[label] = load_masks(path)
    if not masks or not folder.is_dir():
        return None
    rows = told_apart(task, load_test(folder), masks)
    return Examples(task, "every row", seed, cells[0].source, rows)
