"""What part of a mean's variance is due to seeds, and what part no further seed removes.

Every seed is scored on the same images: score = mean + seed + image + rest, crossed and with one
score per cell. The components follow from the mean squares (Searle, Casella and McCulloch,
"Variance Components", Wiley 1992, chapter 4, https://doi.org/10.1002/9780470316856):

    Var(mean) = (s_seed^2 + s_rest^2 / I) / S + s_image^2 / I        on S seeds and I images.

The first term is the variance of the seeds' means; s_image^2 = (MS_image - MS_rest) / S. Images of
one person vary together: what is called an image here is a person's. Over T tasks with different
persons the image terms add up, over T^2; tasks that show some of the same persons are averaged
first. A seed's runs on several tasks may depend on each other, and so its means are averaged over
all.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from benchmark.report.persons import by_person, circles, people, strangers


@dataclass(frozen=True, slots=True)
class Split:
    """Variance of a mean over tasks, seeds and images.

    Attributes:
        seeds: Number of seeds that the scores have.
        one_seed: Variance that a single seed's mean has because of its run; falls with 1 / seeds.
        images: Variance that remains with any number of seeds.
    """

    seeds: int
    one_seed: float
    images: float

    def variance(self, seeds: int) -> float:
        """Variance of the mean over so many seeds."""
        return self.one_seed / seeds + self.images

    @property
    def share(self) -> float:
        """Share of the variance that is due to seeds; NaN without any variance."""
        whole = self.variance(self.seeds)
        return self.one_seed / self.seeds / whole if whole > 0 else float("nan")

    def seeds_for(self, factor: float) -> int | None:
        """Seeds with which intervals are shorter by a factor; None if no number is enough.

        An interval's length goes with the root of the variance.

        Args:
            factor: Present length over the wanted one, 1 or more.
        """
        rest = self.variance(self.seeds) / factor**2 - self.images
        return int(np.ceil(self.one_seed / rest - 1e-9)) if rest > 0 else None


def split(
    differences: Float[np.ndarray, "tasks seeds images"],
    persons: Int[np.ndarray, "tasks images"] | None = None,
) -> Split | str:
    """Split the variance of the mean, or say why it cannot be.

    Only images with a score on every seed can be used. An image component below zero, which
    estimates may have, is none.

    Args:
        differences: NaN where there is no score.
        persons: Who is shown, as numbers that mean the same on every task; if omitted, nobody is
            shown twice.
    """
    if persons is None:
        persons = strangers(*differences.shape[::2])
    finite = np.isfinite(differences)
    seeds = finite.any(axis=2)
    if (seeds != seeds[0]).any():
        return "tasks differ in their seeds: seeds and images cannot be told apart"
    n = int(seeds[0].sum())
    if n < 2:
        return "one seed: nothing shows how much another training run would differ"
    whole = finite[:, seeds[0]].all(axis=1)
    if (whole.sum(axis=1) < 2).any():
        return "fewer than two test images with a score on every seed of a task"
    tables = []
    for tasks, found in circles(persons, whole):
        table = np.zeros((n, found.size))
        for t in tasks:
            own, place = people(persons, t, whole[t])
            here = differences[t, seeds[0]][:, whole[t]]
            table += by_person(here, np.searchsorted(found, own)[place], found.size)
        tables.append(table / len(differences))
    runs = np.sum([table.mean(axis=1) for table in tables], axis=0)
    return Split(n, float(runs.var(ddof=1)), max(sum(map(_images, tables)), 0.0))


def _images(table: Float[np.ndarray, "seeds images"]) -> float:
    """s_image^2 / I of one task."""
    seeds, images = table.shape
    run = table.mean(axis=1, keepdims=True)
    image = table.mean(axis=0, keepdims=True)
    rest = ((table - run - image + table.mean()) ** 2).sum() / ((seeds - 1) * (images - 1))
    between = seeds * image.var(ddof=1)
    return float((between - rest) / seeds / images)
