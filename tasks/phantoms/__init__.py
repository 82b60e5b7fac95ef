"""Phantoms: drawn fundus photographs and chest radiographs with exact masks.

They come in the layouts of the official archives and are read by the same readers, so that the
whole benchmark runs where no real image may be kept. They are no data about any patient.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from difflib import get_close_matches
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from methods.errors import InputError
from tasks.phantoms.layouts import LAYOUTS, Layout, Line, Request, write_tables
from tasks.splits import Split

__all__ = ["DATASETS", "VERSION", "PhantomError", "count_phantoms", "write_phantoms"]

#: Of the drawings; another one means other pixels. 2: two eyes of a child, recurring images.
VERSION = 2
#: The data sets, by the folder that each archive unpacks to; JSRT comes with SCR.
DATASETS = tuple(dict.fromkeys(layout.folder for layout in LAYOUTS))
SMALLEST = 64  # of the sizes, in pixels: below, vessels and clavicles vanish

Job = Callable[[], list[Line]]


class PhantomError(InputError, ValueError):
    """Phantoms that cannot be drawn as asked; says why."""


class PhantomExistsError(InputError, FileExistsError):
    """A folder that is in the way."""


def write_phantoms(  # noqa: PLR0913 - all but root are options
    root: Path,
    *,
    scale: float,
    seed: int,
    size: int = 256,
    most: int | None = None,
    datasets: Sequence[str] | None = None,
    workers: int = 1,
    observe: Callable[[int], None] | None = None,
) -> None:
    """Write phantom data sets below a new folder, whole or not at all.

    They are laid out as the official archives unpack. ``PHANTOM.json`` holds the arguments, the
    version, and as ``leaks`` which pool images show a test image. An image depends on seed, size,
    data set and id; scale, limit and data sets only select.

    Args:
        root: Folder to make; its parents are made as needed.
        scale: Share of each data set's images, in (0, 1]; a few are always written.
        seed: Seed of every image.
        size: Short side of the photographs and side of the radiographs in pixels, at least 64.
            JSRT's side is the next of 256, 512, 1024 and 2048.
        most: After the scale, no training list is longer than this, at least 4, and no test list
            longer than half of it; pools are not cut. No limit if None.
        datasets: Which of ``DATASETS`` to write; all by default.
        workers: Processes that draw; 1 draws in this one.
        observe: Called after each image with 1; ``count_phantoms`` says how often.

    Raises:
        PhantomError: If an argument is out of range, or a data set is not known.
        PhantomExistsError: If the folder exists.
    """
    request = Request(scale, seed, size, most)
    layouts = chosen(request, datasets)
    if size < SMALLEST:
        raise PhantomError(f"size must be at least {SMALLEST} pixels, not {size}")
    if workers < 1:
        raise PhantomError(f"workers must be at least 1, not {workers}")
    if root.exists():
        raise PhantomExistsError(f"{root} exists: remove it, or write the phantoms elsewhere")
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{root.name}-") as unfinished:
        whole = Path(unfinished) / root.name
        whole.mkdir()
        lines: list[Line] = []
        with runner(workers) as run:
            for added in run(jobs(whole, request, layouts)):
                lines += added
                if observe is not None:
                    observe(1)
        write_tables(whole, layouts, lines)
        text = json.dumps(record(request, layouts), indent=1)
        (whole / "PHANTOM.json").write_text(text + "\n", encoding="utf-8")
        whole.rename(root)


def count_phantoms(
    *, scale: float, most: int | None = None, datasets: Sequence[str] | None = None
) -> int:
    """How many images ``write_phantoms`` will write.

    Raises:
        PhantomError: If scale or limit is out of range, or a data set is not known.
    """
    request = Request(scale, seed=0, size=SMALLEST, most=most)
    return sum(len(layout.images(request)) for layout in chosen(request, datasets))


def chosen(request: Request, datasets: Sequence[str] | None) -> list[Layout]:
    """The layouts of some data sets, or all; refuses what no split can be cut to."""
    try:
        Split((), ()).scaled(request.scale, request.most)
    except ValueError as error:
        raise PhantomError(str(error)) from error
    for name in datasets or ():
        if name not in DATASETS:
            near = get_close_matches(name, DATASETS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(DATASETS)}"
            raise PhantomError(f"there are no phantoms of {name!r}: {hint}")
    return [layout for layout in LAYOUTS if datasets is None or layout.folder in datasets]


def jobs(root: Path, request: Request, layouts: list[Layout]) -> list[Job]:
    """One job an image."""
    return [
        partial(layout.write, root, request, image)
        for layout in layouts
        for image in layout.images(request)
    ]


def record(request: Request, layouts: list[Layout]) -> dict[str, object]:
    """What PHANTOM.json says; leaks are listed where pool and test image were both written."""
    folders = dict.fromkeys(layout.folder for layout in layouts)
    leaks = [
        asdict(copy)
        for layout in layouts
        for copy in layout.copies(request)
        if copy.test_image.split("/", maxsplit=1)[0] in folders
    ]
    # Without a limit, the record of before there were limits.
    asked = {name: value for name, value in asdict(request).items() if value is not None}
    return asked | {"version": VERSION, "datasets": list(folders), "leaks": leaks}


@contextmanager
def runner(workers: int) -> Iterator[Callable[[list[Job]], Iterator[list[Line]]]]:
    """Something that runs jobs and yields what they return, in their order."""
    if workers == 1:
        yield partial(map, call)
        return
    # Spawned, not forked: the caller may have threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield partial(pool.map, call, chunksize=4)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def call(job: Job) -> list[Line]:
    """Run a job."""
    return job()
