"""What cells cost and whether they may be compared, on the terminal or as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmark.asked import asked
from benchmark.audit import faults, terms_of
from benchmark.ledger import CONTROL, Axis, entries, totals
from benchmark.listing import table
from benchmark.status import standings
from benchmark.store import Store

#: Columns that fit a terminal; JSON has all.
SHOWN = (
    *("method", "images drawn", "steps", "TFLOP in all", "seconds", "fine-tuning TFLOP"),
    "peak MiB",
)
#: Factor up to which two costs are called alike.
ALIKE = 1.05
#: Findings that are named on the terminal.
NAMED = 40


def show_audit(
    folder: Path, *, axis: Axis | None, tolerance: float | None, as_json: bool
) -> list[str]:
    """Print what each method has cost and what speaks against comparing them; the latter.

    Raises:
        StoreError: If the folder holds no results.
    """
    store, question = Store(folder), asked(folder)
    rows = standings(store)
    found = entries(store, rows)
    findings = faults(question, rows, found, axis, tolerance)
    costs = totals(found)
    if as_json:
        print(json.dumps({"findings": findings, "costs": costs}, indent=1, ensure_ascii=False))
        return findings
    if costs:
        table(costs, columns(costs))
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for finding in findings[:NAMED]:
        console.print(f"fault  {finding}")
    if len(findings) > NAMED:
        console.print(f"fault  and {len(findings) - NAMED} more: see --json")
    held, most = terms_of(question, axis, tolerance)
    alike = f"no fault: all methods spent alike in {held}, within {most:g} %{but(costs)}"
    console.print(f"{len(findings)} faults" if findings else alike)
    return findings


def columns(costs: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """Those shown: trials of tuning only where there were any, since they need room."""
    tuned = any(row["trials"] for row in costs)
    return (SHOWN[0], "trials", *SHOWN[1:]) if tuned else SHOWN


def but(costs: Sequence[Mapping[str, object]]) -> str:
    """In what else they differ, by what factor; the control spends nothing."""
    parts = []
    for name in ("steps", "TFLOP in all", "seconds"):
        known = [row[name] for row in costs if row["method"] != CONTROL]
        spent = [float(x) for x in known if isinstance(x, int | float) and x > 0]
        if spent and max(spent) / min(spent) > ALIKE:
            parts.append(f"in {name} by up to {max(spent) / min(spent):.1f} times")
    return f"; they differ {' and '.join(parts)}" if parts else ""
