"""Values as a reader takes them in."""

from collections.abc import Mapping

from benchmark.asked import flat

#: Digits of a digest that are shown: as many as name a folder.
DIGITS = 16
#: Lengths of digests in hexadecimal digits: a commit's, and SHA-256.
DIGESTS = (40, 64)
#: Entries of a list that are named.
NAMED = 12


def words(record: Mapping[str, object]) -> str:
    """A table as a line: "steps 120, learning_rate 0.001"; what is not known is left out."""
    values = {name: value for name, value in flat(record).items() if value is not None}
    return ", ".join(f"{name} {short(value)}" for name, value in values.items())


def short(value: object) -> str:
    """A value: floats by six digits, digests by their first, lists by their first entries."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        more = [f"and {len(value) - NAMED} more"] if len(value) > NAMED else []
        return ", ".join([*map(short, value[:NAMED]), *more]) if value else "none"
    text = str(value)
    is_digest = len(text) in DIGESTS and not set(text) - set("0123456789abcdef")
    return text[:DIGITS] if is_digest else text
