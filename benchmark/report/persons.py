"""Who is shown on test images: draws and tests are of persons, for images of one vary together.

Both eyes of one, and one photograph that two tasks are scored on, are no more independent than
that. Where nothing is known of persons an image stands for one.
"""

import numpy as np
from jaxtyping import Bool, Float, Int


def strangers(tasks: int, images: int) -> Int[np.ndarray, "tasks images"]:
    """Numbers for images of which none shows the person of another."""
    return np.arange(tasks * images).reshape(tasks, images)


def people(
    persons: Int[np.ndarray, "tasks images"], task: int, shown: Bool[np.ndarray, " images"]
) -> tuple[Int[np.ndarray, " people"], Int[np.ndarray, " shown"]]:
    """Who is shown on some of a task's images.

    If all show one person, who says nothing of others, each image counts as somebody; notes say
    so.

    Args:
        persons: Who is shown on every image.
        task: Row of the task.
        shown: Which images.

    Returns:
        The persons' numbers, sorted, and the place among them of each image's.
    """
    found, place = np.unique(persons[task, shown], return_inverse=True)
    if found.size == 1:
        own = persons.max() + 1 + strangers(*persons.shape)[task, shown]
        found, place = np.unique(own, return_inverse=True)
    return found, place


def circles(
    persons: Int[np.ndarray, "tasks images"], shown: Bool[np.ndarray, "tasks images"]
) -> list[tuple[tuple[int, ...], Int[np.ndarray, " people"]]]:
    """Tasks that show some of the same persons, with all whom they show, sorted.

    Args:
        persons: Who is shown on every image.
        shown: Which images; a task may have none and is in no circle then.
    """
    found: list[tuple[tuple[int, ...], set[int]]] = []
    for t in np.flatnonzero(shown.any(axis=1)).tolist():
        own = set(people(persons, t, shown[t])[0].tolist())
        met = [circle for circle in found if circle[1] & own]
        tasks = tuple(sorted((t, *(task for circle in met for task in circle[0]))))
        everybody = own.union(*(circle[1] for circle in met))
        found = [circle for circle in found if circle not in met] + [(tasks, everybody)]
    return [(tasks, np.array(sorted(everybody))) for tasks, everybody in sorted(found)]


def by_person(
    table: Float[np.ndarray, "seeds images"], place: Int[np.ndarray, " images"], count: int
) -> Float[np.ndarray, "seeds people"]:
    """A column for each person, such that a seed's mean over persons is that over images.

    A person with more images weighs more in the mean over images, one with none not at all: how far
    somebody moves it is in their column (a ratio's linearisation: Cochran, "Sampling Techniques",
    Wiley 1977, section 6.4).

    Args:
        table: Finite scores.
        place: Whose image each is, from 0.
        count: How many persons there are.
    """
    if not table.size:
        return np.empty((len(table), 0))
    mean = table.mean(axis=1, keepdims=True)
    theirs = place[:, None] == np.arange(count)
    return np.asarray(mean + (table - mean) @ theirs * count / place.size)
