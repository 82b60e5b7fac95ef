"""How cells stand, on the terminal or as JSON."""

import json
from pathlib import Path

from rich.console import Console

from benchmark.asked import asked
from benchmark.status import State, counts, standings
from benchmark.store import Store

#: Cells of one state that are named on the terminal; JSON has all.
NAMED = 20


def show_status(folder: Path, *, as_json: bool) -> None:
    """Print how every cell stands that was asked of a folder.

    Raises:
        StoreError: If the folder holds no results.
    """
    store = Store(folder)
    rows = standings(store)
    if as_json:
        record = {"counts": counts(rows), "cells": [row.shown() for row in rows]}
        print(json.dumps(record, indent=1, ensure_ascii=False))
        return
    console = Console(highlight=False, soft_wrap=True, markup=False)
    told = ", ".join(f"{count} {state}" for state, count in counts(rows).items())
    console.print(f"{asked(folder).title}: {len(rows)} cells: {told}")
    for state in State:
        if state is State.DONE:
            continue
        chosen = [row for row in rows if row.state is state]
        for row in chosen[:NAMED]:
            console.print(f"{state:9} {row.cell.label}{': ' if row.detail else ''}{row.detail}")
            for line in "".join(row.lines).splitlines()[-3:]:
                console.print(f"          | {line}")
        if len(chosen) > NAMED:
            console.print(f"{state:9} and {len(chosen) - NAMED} more: see --json")
