"""A page's values as the text of one HTML file."""

import base64
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.report.page.content import Page, Picture
from benchmark.report.page.origin import anchor, in_states
from benchmark.report.page.tables import guided_lines, leaderboard_table, ledger_table

#: What must be said, large, of images that are not the tasks' own.
BANNERS = {
    "phantom": "phantom images: a test of the machinery, not of the methods",
    "stand-in": "stand-in images: from another data set than the task's, so no result about it",
}


def page(content: Page) -> str:
    """The text of a file that needs nothing but a browser; the same content gives the same text.

    Whatever the content says is escaped. The file's policy forbids every request, and every style
    and script but its own two, by their digests.
    """
    style, script = inlined("style.css"), inlined("script.js")
    tables = [(board, leaderboard_table(board, content)) for board in content.boards]
    return (
        environment()
        .get_template("report.html.jinja")
        .render(
            page=content,
            style=Markup(style),
            script=Markup(script),
            policy=policy(style, script),
            banners=[
                (kind, BANNERS[kind], tasks)
                for kind, tasks in content.kinds.items()
                if kind in BANNERS
            ],
            tables=tables,
            guided=guided_lines(content.guided, content) if content.guided else None,
            ledger=ledger_table(content.ledger),
            common=common(board.notes for board in content.boards),
            facets=facets(content),
            whole=[
                board
                for board in content.boards
                if not board.part and board.fraction == max(b.fraction for b in content.boards)
            ],
            alike=any(top.like for board in content.boards for top in board.tops.values()),
        )
    )


@cache
def environment() -> Environment:
    """Templates; everything is escaped, and a name that is not there is an error."""
    found = Environment(
        loader=PackageLoader("benchmark.report.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"anchor": anchor, "in_states": in_states, "address": address}
    found.filters["breakable"] = breakable
    return found


def breakable(name: str) -> Markup:
    """A name, escaped, that may be broken after its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def inlined(name: str) -> str:
    """A file of this package, as it stands between its tags."""
    return files("benchmark.report.page").joinpath(name).read_text(encoding="utf-8")


def policy(style: str, script: str) -> str:
    """Content Security Policy, level 3: nothing is fetched, and nothing else is run."""

    def only(text: str) -> str:
        digest = hashlib.sha256(text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    return (
        f"default-src 'none'; img-src data:; style-src {only(style)}; script-src {only(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def address(picture: Picture) -> str:
    """A picture's bytes as an address (RFC 2397)."""
    return f"data:image/png;base64,{base64.b64encode(picture.png).decode()}"


def common(notes: Iterable[tuple[str, ...]]) -> list[str]:
    """Notes that several leaderboards share, to be said once."""
    first, *others = [*notes] or [()]
    return [note for note in first if others and all(note in other for other in others)]


def facets(content: Page) -> dict[str, list[str]]:
    """What tables can be filtered by, with the values that there are, if more than one."""
    boards, cells = content.boards, content.provenance.cells
    found = {
        "stage": [b.stage for b in boards],
        "metric": [b.metric for b in boards],
        "fraction": [f"{b.fraction:.6g}" for b in boards],
        "part": [b.part or "all tasks" for b in boards],
        "domain": sorted(c.domain for c in cells),
        "kind": sorted(c.kind for c in cells if c.kind),
        "source": sorted(c.source for c in cells),
    }
    unique = {name: list(dict.fromkeys(values)) for name, values in found.items()}
    return {name: values for name, values in unique.items() if len(values) > 1}
