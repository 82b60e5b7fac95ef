"""What cells cost and whether they may be compared, on the terminal or as JSON."""

import json
from pathlib import Path

from rich.console import Console

from benchmark.audit import audit
from benchmark.ledger import Axis, entries, totals
from benchmark.listing import table
from benchmark.status import standings
from benchmark.store import Store

#: Columns that fit a terminal; JSON has all.
SHOWN = ("method", "images drawn", "steps", "TFLOP", "seconds", "fine-tuning TFLOP", "peak MiB")
#: Findings that are named on the terminal.
NAMED = 40


def show_audit(
    folder: Path, *, axis: Axis | None, tolerance: float | None, as_json: bool
) -> list[str]:
    """Print what each method has cost and what speaks against comparing them; the latter.

    Raises:
        StoreError: If the folder holds no results.
    """
    store = Store(folder)
    findings = audit(store, axis, tolerance)
    costs = totals(entries(store, standings(store)))
    if as_json:
        print(json.dumps({"findings": findings, "costs": costs}, indent=1, ensure_ascii=False))
        return findings
    if costs:
        table(costs, SHOWN)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for finding in findings[:NAMED]:
        console.print(f"fault  {finding}")
    if len(findings) > NAMED:
        console.print(f"fault  and {len(findings) - NAMED} more: see --json")
    console.print(f"{len(findings)} faults" if findings else "the comparison is fair")
    return findings
