"""``ldbench new`` and ``ldbench check``: methods and tasks of somebody's own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import registry
from benchmark.outside import Kind, OutsideError
from methods.errors import ConfigError

if TYPE_CHECKING:
    from benchmark.contract import Verdict
    from tasks.base import Source, Task

app = typer.Typer(help="Write a package for a method or task of your own.", no_args_is_help=True)

#: Exit code if a promise is broken.
BROKEN = 1
#: Phantoms that a task is checked on: the most of these shares that draws no more images.
SHARES, MOST_IMAGES, SIDE = (1.0, 0.5, 0.25, 0.1, 0.05, 0.02), 100, 128

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the module, a-z, 0-9 and _.")]
Out = Annotated[Path, typer.Option(help="Where the new folder NAME goes.")]


@app.command("method")
def new_method(name: Name, out: Out = Path()) -> None:
    """Write a package with a working method to change, its test and a small plan."""
    write("method", name, out)
    print(f"run it:           ldbench run {out / name / 'plan.toml'} --data phantom --out DIR")


@app.command("task")
def new_task(name: Name, out: Out = Path()) -> None:
    """Write a package with a segmentation task to change, and its test on drawn images."""
    write("task", name, out)


def write(kind: Kind, name: str, out: Path) -> None:
    """Write a package and say what comes next."""
    from benchmark import skeletons  # noqa: PLC0415

    first, *others = skeletons.write(kind, name, out)
    print(f"yours to change:  {first}")
    for path in others:
        print(f"beside it:        {path}")
    print(f"make it known:    python -m pip install --no-build-isolation --editable {out / name}")
    data = " --data DATA" if kind == "task" else ""
    print(f"see it is sound:  ldbench check {name}{data}")


def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A method or a task.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Data root for a task; phantoms if omitted, where there are any."),
    ] = None,
) -> int:
    """Hold a method or task to what all of them promise; say what to mend."""
    methods, tasks = registry.methods(), registry.tasks()
    is_task = name.endswith(".toml") or (name in tasks and name not in methods)
    if not is_task:
        registry.known("method or task", name, [*methods, *tasks])
    try:
        verdicts = task_verdicts(name, data) if is_task else method_verdicts(name)
    except OutsideError as error:
        print(f"mend  loads: {error}")
        return BROKEN
    for verdict in verdicts:
        remedy = "" if verdict.passed else f": {verdict.remedy}"
        print(f"{'pass' if verdict.passed else 'mend'}  {verdict.promise}{remedy}")
    kept = sum(verdict.passed for verdict in verdicts)
    print(f"{name} keeps {kept} of {len(verdicts)} promises")
    return 0 if kept == len(verdicts) else BROKEN


def method_verdicts(name: str) -> "list[Verdict]":
    """Every promise of a method, kept or broken."""
    method = registry.method(name)
    from benchmark.contract import PROMISES  # noqa: PLC0415
    from benchmark.contract import check as judge  # noqa: PLC0415

    return judge(method, PROMISES)


def task_verdicts(name: str, data: Path | None) -> "list[Verdict]":
    """Every promise of a task, kept or broken, on its data or on phantoms."""
    task = registry.segmentation(name)
    from benchmark.contract import TASK_PROMISES, Subject  # noqa: PLC0415
    from benchmark.contract import check as judge  # noqa: PLC0415

    with data_of(task, data) as source:
        return judge(Subject(task, source), TASK_PROMISES)


@contextmanager
def data_of(task: "Task", data: Path | None) -> "Iterator[Source]":
    """Where the images to check a task on are: what is given, or phantoms for as long as it takes.

    Raises:
        MissingDataError: If files of the task are missing from what is given.
        ConfigError: If nothing is given and no phantoms are drawn of the task's data set.
    """
    from benchmark.data import source_of  # noqa: PLC0415
    from tasks.base import Source  # noqa: PLC0415
    from tasks.phantoms import DATASETS, count_phantoms, write_phantoms  # noqa: PLC0415

    if data is not None:
        source = source_of(data, None)
        task.files(source)
        yield source
        return
    datasets = [dataset for dataset in DATASETS if dataset in task.info.folder]
    if not datasets:
        raise ConfigError(
            f"there are no phantoms of {task.info.dataset}: say where its images are, --data DATA "
            f"with {task.info.folder} in it"
        )
    counts = {share: count_phantoms(scale=share, datasets=datasets) for share in SHARES}
    share = next((share for share, n in counts.items() if n <= MOST_IMAGES), SHARES[-1])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "data"
        write_phantoms(root, scale=share, seed=0, size=SIDE, datasets=datasets)
        yield Source.at(root, Path(folder) / "cache")
