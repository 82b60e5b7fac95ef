"""Markdown pages that the scripts of this folder print."""

from collections.abc import Sequence

from benchmark.speed.described import machine


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table.

    Raises:
        ValueError: If a row has more or fewer fields than there are columns.
    """
    for fields in rows:
        if len(fields) != len(columns):
            raise ValueError(f"{len(fields)} fields for {len(columns)} columns: {list(fields)}")
    return "\n".join(map(row, [columns, ["---"] * len(columns), *rows]))


def row(fields: Sequence[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(fields) + " |"


def page(title: str, command: str, parts: Sequence[str]) -> str:
    """A page that says what has made it, and on which machine."""
    made = f"`{command}`\n\n{machine()}"
    return "\n\n".join([f"# {title}", made, *parts]) + "\n"
