"""What a reader has to know of a table besides its scores: pools, tuning, code, weights."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmark.asked import Wanted
from benchmark.cells import EXCLUDED, SET
from benchmark.ledger import CONTROL
from benchmark.report.frame import Result
from benchmark.report.scores import Scores
from benchmark.report.statistics import FEW_COVERAGE

#: Where the hyperparameters of methods are from that were not tuned.
UNTUNED = "defaults of each method's Config, not tuned"
#: What must be said, in red, of tables that test images have chosen.
ORACLE = "Selection oracle: test images chose each checkpoint; an upper bound, not a result."

#: Images drawn below which methods differ no more than seeds of one method do: at 3,000, two seeds
#: of LD, and of no pre-training, were .03 to .06 of Dice apart on real photographs at 128 px.
NOISE = 3000


def terms_notes(terms: Mapping[str, Any]) -> list[str]:
    """What was measured: scores at another size, or after other steps, are other scores."""
    if not {"size", "width", "precision", "budget", "downstream"} <= set(terms):
        return []
    tuned, images = terms["downstream"], terms["budget"].get("images", 0)
    own = "".join(f", of {name} {n:,}" for name, n in terms["budget"].get("own", {}).items())
    length = (
        f"{tuned['steps']:,} steps" if tuned.get("steps") else f"{tuned.get('epochs'):g} epochs"
    )
    other = ", unless a task has its own" if tuned.get("tasks") else ""
    told = (
        f"Images and masks of {terms['size']} px; encoder {terms['width']}, {terms['precision']}. "
        f"Pre-training: {images:,} images drawn{own}. Fine-tuning: {length} a stage, all in one "
        f"where it is direct, in batches of {tuned['batch_size']}{other}."
    )
    return [told]


def budget_notes(terms: Mapping[str, Any]) -> list[str]:
    """What a reader has to know of a budget that is too small to rank anybody."""
    images = terms.get("budget", {}).get("images", NOISE)
    told = (
        f"Each pre-training drew {images:,} images. Below about {NOISE:,}, methods differ no more "
        "than seeds of one method do: ranks at this budget are noise."
    )
    return [told] * (images < NOISE)


def few_seeds_notes(counts: Iterable[int]) -> list[str]:
    """What a reader has to know of few seeds; of the fewest of several tasks, 0 left out."""
    fewest = min((count for count in counts if count), default=0)
    if fewest == 1:
        return ["One seed: nothing shows how much another training run would differ."]
    if fewest not in FEW_COVERAGE:
        return []
    told = (
        f"With {fewest} seeds intervals are too narrow where runs differ more than images: at "
        f"worst they cover {FEW_COVERAGE[fewest]} %, not 95 %."
    )
    return [told]


def persons_notes(grid: Scores) -> list[str]:
    """What a reader has to know of who is shown on test images, and how they are resampled."""
    images, drawn = grid.image_counts(), grid.drawn_counts()
    alone = [task for task, n in grid.person_counts().items() if n == 1 < images[task]]
    twice = [f"{task} {n}" for task, n in drawn.items() if 1 < n < images[task]]
    told = []
    if alone:
        named = ", ".join(alone)
        told.append(f"All images of {named} show one person: intervals are about nobody else.")
    if twice:
        named = ", ".join(twice)
        told.append(f"Several images of one person are resampled together; persons: {named}.")
    if alike := grid.same_persons():
        named = "; ".join(" and ".join(tasks) for tasks in alike)
        told.append(f"Tasks that show some of the same persons share their draws: {named}.")
    return told


def few_images_notes(counts: Mapping[str, int]) -> list[str]:
    """What a reader has to know of few test images, or of few persons on them, by task."""
    few = {task: count for task, count in counts.items() if count in FEW_COVERAGE}
    if not few:
        return []
    named, fewest = ", ".join(f"{task} {count}" for task, count in few.items()), min(few.values())
    told = (
        f"Few test images or persons ({named}): intervals there are too narrow, at worst those on "
        f"{fewest} cover {FEW_COVERAGE[fewest]} %, not 95 %."
    )
    return [told]


def pool_notes(facts: Iterable[Mapping[str, Any]]) -> list[str]:
    """What cells' facts say was left out of each pre-training pool, each pool once."""
    pools = {
        (str(known["pool"]), int(known[EXCLUDED]), int(known["pool images"])) for known in facts
    }
    return [
        f"Pre-training pool {pool}: {images} images; {count} more left out because they recur "
        "among test images."
        for pool, count, images in sorted(pools)
    ]


def stale_notes(old: Mapping[Wanted, Result]) -> list[str]:
    """What a reader has to know of stale cells."""
    if not old:
        return []
    methods = sorted({cell.method for cell in old})
    modules = sorted({name for result in old.values() for name in result.changes})
    whose = f"{len(old)} cells of {', '.join(methods)}"
    return [
        f"Stale: {whose} were computed before changes to {', '.join(modules)}: run the plan again."
    ]


def seeds_notes(seeds: Sequence[int], every: Sequence[int]) -> list[str]:
    """What a reader has to know of scores that were not looked at."""
    if seeds == every:
        return []
    named, known = ", ".join(map(str, seeds)), ", ".join(map(str, every))
    return [f"Of the seeds {known} only these count: {named}."]


def left_out_notes(count: int) -> list[str]:
    """What a reader has to know of stale cells that do not count."""
    return [f"{count} stale cells of older code do not count: run the plan again."] * bool(count)


def tuned_notes(cells: Iterable[Wanted]) -> list[str]:
    """What a reader has to know of where hyperparameters are from."""
    tuned: dict[str, list[str]] = {}
    for cell in cells:
        if cell.method != CONTROL and not cell.given:
            how = f"best of {cell.tuning} by validation images" if cell.trials else UNTUNED
            methods = tuned.setdefault(how, [])
            methods.extend([cell.method] * (cell.method not in methods))
    if len(tuned) == 1:
        return [f"Hyperparameters: {how}." for how in tuned]
    return [f"Hyperparameters of {', '.join(methods)}: {how}." for how, methods in tuned.items()]


def set_notes(there: Mapping[Wanted, Result]) -> list[str]:
    """What a reader has to know of settings that a plan gave in place of a method's defaults."""
    whose: dict[str, list[str]] = {}
    for cell, result in there.items():
        for name in result.facts.get(SET, ()):
            methods = whose.setdefault(str(name), [])
            methods.extend([cell.method] * (cell.method not in methods))
    told = "; ".join(f"{name} of {', '.join(methods)}" for name, methods in whose.items())
    return [f"Set by the plan, in place of the Config's defaults: {told}."] * bool(told)


def given_notes(names: Sequence[str]) -> list[str]:
    """What a reader has to know of encoders that somebody else has trained."""
    whose = f"Weights from a file: {', '.join(names)}."
    return [f"{whose} On which images and at what cost they were trained is unknown."] * bool(names)
