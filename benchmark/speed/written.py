"""Markdown pages that the scripts of this folder print."""

from collections.abc import Sequence

from benchmark.speed.described import machine


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table.

    Raises:
        ValueError: If a row has more or fewer fields than there are columns.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"{len(row)} fields for {len(columns)} columns: {list(row)}")
    body = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in body)


def page(title: str, command: str, parts: Sequence[str]) -> str:
    """A page that says what has made it, and on which machine."""
    made = f"`{command}`\n\n{machine()}"
    return "\n\n".join([f"# {title}", made, *parts]) + "\n"
