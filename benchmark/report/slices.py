"""Leaderboards of a part of the tasks or of the labels."""

from collections.abc import Iterator, Mapping
from typing import Literal

import pandas as pd

#: What a comparison can be taken apart by: the tasks' domain, whether they are of lesions or of
#: anatomy, and the share of the labels.
By = Literal["domain", "kind", "fraction"]
WAYS: tuple[By, ...] = ("domain", "kind", "fraction")


def slices(
    frame: pd.DataFrame, by: By, kinds: Mapping[str, str]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The parts of a tidy frame and what they are called; none if all rows are in one.

    Args:
        frame: One row per score; see the design guide, section 8.
        by: What to part by.
        kinds: "lesion" or "anatomy", by task; tasks that are not there are in no part by kind.
    """
    column = frame["task"].map(dict(kinds)) if by == "kind" else frame[by]
    names = sorted(column.dropna().unique())
    if len(names) < 2:
        return
    for name in names:
        # A part's title has the fraction already.
        yield "" if by == "fraction" else str(name), frame[column == name]
