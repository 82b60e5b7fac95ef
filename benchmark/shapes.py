"""Whether a plan's shape priors may be used on its tasks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.plan import Plan, entry
from benchmark.rows import prior_of
from methods.errors import ConfigError
from tasks.base import Source, Task


def check_priors(plan: Plan, tasks: Mapping[str, Task], source: Source) -> None:
    """Insist that no prior is made of a task's own files, unless the plan leaves that cell out.

    What lies below a task's own folders is refused whatever it is: other observers' masks, copies
    stored anew, the photographs. Elsewhere files are compared by their bytes.

    Raises:
        ConfigError: Naming the file and what to do.
    """
    for row in (name for name in plan.shapes if name in plan.methods):
        own = {digest: path for path, digest in prior_of(plan, row).files.items()}
        for given, (name, task) in zip(plan.tasks, tasks.items(), strict=True):
            cell = f"{row}/{entry(given)}"
            if not own or cell in plan.skip:
                continue
            files = task.wanted(source)
            remedy = (
                f"of the task {name}, which no training may see: give other masks, or leave the "
                f'cell out by [skip] "{cell}" = "its own masks"'
            )
            for folder in folders(files, source.root):
                for path in own.values():
                    if below(path, folder):
                        raise ConfigError(
                            f"[shapes.{row}]: {path} lies in {folder}, the folder {remedy}"
                        )
            for place, digest in source.hashes(name, files).items():
                if digest in own:
                    raise ConfigError(f"[shapes.{row}]: {own[digest]} is {place}, a file {remedy}")


def folders(files: Sequence[Path], root: Path) -> list[Path]:
    """The folders below the data root that hold a task's files, or the root itself."""
    first = (path.relative_to(root).parts[:-1][:1] for path in files)
    return sorted({root.joinpath(*parts) for parts in first})


def below(path: Path, folder: Path) -> bool:
    """Whether a file lies below a folder, by its name or, where one is a link, in truth."""
    return path.absolute().is_relative_to(folder.absolute()) or path.resolve().is_relative_to(
        folder.resolve()
    )
