"""Where a number is from: values, and the names of their places on a page."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


def anchor(*parts: object) -> str:
    """A place's name on the page, fit for an address; different parts give different names."""
    return ":".join(
        re.sub(r"[^A-Za-z0-9_.+-]", lambda found: f"~{ord(found[0]):x}~", str(part))
        for part in parts
    )


@dataclass(frozen=True, slots=True)
class Fact:
    """Something known.

    Attributes:
        name: What it is about.
        text: What is known.
        target: Where on the page there is more, ``anchor``; "" if nowhere.
    """

    name: str
    text: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Shared:
    """What many cells have in common: an encoder, code, a machine.

    Attributes:
        anchor: Its place on the page.
        title: A few words.
        facts: What is known of it.
    """

    anchor: str
    title: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one cell's numbers are from.

    Attributes:
        method: Its method.
        task: Its task.
        domain: Of the task.
        kind: "anatomy" or "lesion"; "" if nobody said.
        source: real, phantom or stand-in images.
        stages: For example ("frozen", "finetuned").
        fraction: Share of the labels.
        seed: Of everything drawn.
        state: How it stands, in a word or two.
        facts: What is known of it.
    """

    method: str
    task: str
    domain: str
    kind: str
    source: str
    stages: tuple[str, ...]
    fraction: float
    seed: int
    state: str
    facts: tuple[Fact, ...]

    @property
    def anchor(self) -> str:
        """The place that it shares with the cells of other seeds."""
        stages, share = "+".join(self.stages), f"{self.fraction:.6g}"
        return anchor(f"cell-{self.method}", self.task, stages, share)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where every cell's numbers are from.

    Attributes:
        cells: Every cell that was asked for, in order.
        shared: Headings, and below each what cells refer to.
    """

    cells: tuple[Origin, ...] = ()
    shared: Mapping[str, tuple[Shared, ...]] = field(default_factory=dict)

    def places(self) -> dict[tuple[str, str, str, str], str]:
        """Anchors by method, task, stage and label fraction as printed."""
        return {
            (cell.method, cell.task, stage, f"{cell.fraction:.6g}"): cell.anchor
            for cell in self.cells
            for stage in cell.stages
        }

    def by_method(self) -> dict[str, dict[str, list[Origin]]]:
        """Cells by method and by place."""
        found: dict[str, dict[str, list[Origin]]] = {}
        for cell in self.cells:
            found.setdefault(cell.method, {}).setdefault(cell.anchor, []).append(cell)
        return found


def in_states(cells: Iterable[Origin]) -> str:
    """How many cells there are and how they stand: "36 cells: 35 done, 1 failed"."""
    states = [cell.state for cell in cells]
    parts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return f"{len(states)} cell{'s' * (len(states) != 1)}: {parts}" if states else "no cells"
