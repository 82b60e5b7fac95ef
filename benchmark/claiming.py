"""``ldbench claim``: whether what is said of a method holds in a results folder."""

from typing import Annotated, Literal

import typer

from benchmark.options import AsJson, Folder

#: Exit code of a claim that fails.
FAILS = 1
#: Exit code of a claim that neither holds nor fails.
UNDECIDED = 3

Name = Annotated[
    str | None,
    typer.Argument(metavar="CLAIM", help="paper, earlier, lesions, or a TOML file; all of them."),
]
Source = Annotated[Literal["real", "phantom"], typer.Option(help="Whose images count.")]


def claim(
    folder: Folder, name: Name = None, source: Source = "real", *, as_json: AsJson = False
) -> int:
    """Say whether CLAIM holds in DIR, and what would decide it.

    Exit code 0: it holds; 1: it fails; 3: undecided. Of several claims: 1 if any fails, else 3 if
    any is undecided.
    """
    from benchmark.claim import claims_called  # noqa: PLC0415

    claims = claims_called(name)
    from benchmark.report.claimed import show_claims  # noqa: PLC0415

    verdicts = show_claims(folder, claims, source=source, as_json=as_json)
    answers = {verdict.answer for verdict in verdicts}
    if "fails" in answers:
        return FAILS
    return UNDECIDED if "undecided" in answers else 0
