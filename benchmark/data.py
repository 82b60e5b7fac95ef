"""``ldbench data``: what is there, prepare it, check it, look at it."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from methods.errors import ConfigError, InputError

app = typer.Typer(help="Look after the data sets.", no_args_is_help=True)

#: Exit code if something is not as it should be.
PROBLEMS = 1

Root = Annotated[Path, typer.Option(help="Folder that the data sets are unpacked into.")]
Cache = Annotated[
    Path | None,
    typer.Option(
        envvar="LDBENCH_CACHE",
        help="Where prepared images are kept.",
        show_default="~/.cache/ldbench",
    ),
]
Tasks = Annotated[
    list[str] | None, typer.Option(help="A task, or an own task's TOML; all that are there.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def source_of(root: Path, cache: Path | None) -> Any:  # noqa: ANN401
    """The data root with its cache."""
    from tasks.base import Source  # noqa: PLC0415
    from tasks.cache import default_folder  # noqa: PLC0415

    folder = cache or default_folder()
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ConfigError(f"prepared images cannot be kept in {folder}: name another with --cache")
    return Source.at(root, folder)


@app.command()
def status(root: Root, cache: Cache = None, *, as_json: AsJson = False) -> None:
    """List every data set: what is found, what is missing, where to get it, under which terms."""
    from benchmark import registry  # noqa: PLC0415
    from tasks import EXTRAS, LANDMARKS, TASKS  # noqa: PLC0415
    from tasks.inventory import holding, pool_holdings  # noqa: PLC0415

    source = source_of(root, cache)
    rows = [holding(registry.task(name), "task", source) for name in TASKS]
    rows += [holding(registry.task(name), "extra", source) for name in EXTRAS]
    rows += [holding(registry.task(name), "landmark", source) for name in LANDMARKS]
    rows += [holding(registry.task(name), "outside", source) for name in registry.outside_tasks()]
    rows += pool_holdings(source)
    if as_json:
        print(json.dumps([{**asdict(row), "complete": row.complete} for row in rows], indent=1))
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table()
    table.add_column("name", no_wrap=True)
    for column in ("data set", "files", "complete", "missing", "where to get it", "terms"):
        table.add_column(column, overflow="fold")
    for row in rows:
        missing = ""
        if row.missing:
            more = row.wanted - row.found - len(row.missing)
            missing = ", ".join(row.missing) + (f" and {more} more" if more > 0 else "")
        files = f"{row.found} of {row.wanted}" if row.use != "pool" else f"{row.found}"
        where, terms = ("", "") if row.complete else (row.page, row.terms)
        mark = "yes" if row.complete else "no"
        table.add_row(row.name, row.dataset, files, mark, missing, where, terms)
    console = Console()
    console.print(table)
    tasks = [row for row in rows if row.use == "task"]
    whole = sum(row.complete for row in tasks)
    console.print(f"{whole} of {len(tasks)} tasks are complete, {len(tasks) - whole} are not.")


@app.command()
def prepare(
    root: Root,
    size: Annotated[list[int] | None, typer.Option(help="Sides in pixels; 512 if omitted.")] = None,
    task: Tasks = None,
    pool: Annotated[
        list[str] | None, typer.Option(help="Pools or folders; all pools that are there.")
    ] = None,
    cache: Cache = None,
) -> None:
    """Crop and resize every image once; a second call does only what is missing or has changed."""
    from benchmark.preparing import prepare_all  # noqa: PLC0415

    prepare_all(source_of(root, cache), size or [512], task, pool)


@app.command()
def verify(root: Root, task: Tasks = None, cache: Cache = None) -> int:
    """Read every source and prepared file again and compare them with the manifests and splits."""
    from benchmark.preparing import verify_all  # noqa: PLC0415

    return PROBLEMS if verify_all(source_of(root, cache), task) else 0


@app.command()
def show(
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task, or an own task's TOML.")],
    root: Root,
    out: Annotated[Path | None, typer.Option(help="PNG to write; TASK.png if omitted.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Images of each part, evenly chosen.")] = 24,
    cache: Cache = None,
) -> None:
    """Draw a task's images with the outlines of their masks, part by part."""
    from benchmark import registry  # noqa: PLC0415
    from benchmark.contact import contact_sheet  # noqa: PLC0415

    chosen = registry.segmentation(task)
    path = out or Path(f"{chosen.name}.png")
    if path.suffix.lower() != ".png" or not path.absolute().parent.is_dir():
        raise ConfigError(f"--out {path}: name a .png file in a folder that exists")
    contact_sheet(chosen, source_of(root, cache), limit).save(path)
    print(path)


@app.command()
def leaks(
    pool: Annotated[str, typer.Option(help="A pool, or a folder of images.")],
    root: Root,
    task: Tasks = None,
    domain: Annotated[
        str | None, typer.Option(help='"fundus" or "chest X-ray"; a folder\'s colours tell it.')
    ] = None,
    cache: Cache = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List test images of all tasks under the root that recur in a pool."""
    from benchmark.preparing import leaks_of  # noqa: PLC0415
    from tasks.base import NORMALISATION  # noqa: PLC0415

    if domain not in (None, *NORMALISATION):
        raise ConfigError(f"--domain must be {' or '.join(NORMALISATION)}, not {domain!r}")
    source = source_of(root, cache)
    found = leaks_of(pool, source, tasks=task, domain=domain, quiet=as_json)
    rows = [asdict(pair) for pair in found]
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    columns = ("task", "test_image", "pool_image", "evidence", "similarity")
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(row[column]) for column in columns))
    console = Console()
    console.print(table)
    images = {row["pool_image"] for row in rows}
    console.print(f"{len(images)} images of the pool {pool} recur among test images.")


@app.command()
def phantom(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to make.")],
    scale: Annotated[float, typer.Option(help="Share of each data set's images.")] = 0.2,
    most: Annotated[
        int | None,
        typer.Option(help="Most images that train; half as many test. No limit if omitted."),
    ] = None,
    size: Annotated[int, typer.Option(min=64, help="Short side in pixels.")] = 256,
    seed: Annotated[int, typer.Option(help="Seed of every image.")] = 0,
) -> None:
    """Draw every data set in its owner's layout and formats; they are no data about any patient."""
    from tasks.phantoms import write_phantoms  # noqa: PLC0415

    try:
        write_phantoms(out, scale=scale, most=most, seed=seed, size=size)
    except (ValueError, FileExistsError) as error:
        raise InputError(str(error)) from error
    print(out)


@app.command()
def masks(
    modality: Annotated[
        Literal["octa", "angiography"], typer.Argument(metavar="MODALITY", help="octa, angiography")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for ten PNG files.")],
) -> None:
    """Draw the vessel masks that "phantom:MODALITY" gives a shape prior, to look at."""
    from tasks.phantoms.angiograms import write_angiograms  # noqa: PLC0415

    try:
        for path in write_angiograms(out, modality):
            print(path)
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}: name a folder that can be written") from error
