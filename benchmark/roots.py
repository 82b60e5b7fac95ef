"""Where a plan's images are: a data root, or phantoms drawn for it."""

from pathlib import Path

from rich.console import Console

from benchmark import registry
from benchmark.durable import writing
from benchmark.plan import Plan
from benchmark.store import Store
from benchmark.threads import cores
from tasks.base import Source
from tasks.cache import default_folder
from tasks.manifest import digest
from tasks.pools import pool_called

PHANTOM = "phantom"
#: As many are drawn sooner than other processes have started.
FEW = 64


def root_of(plan: Plan, data: str, store: Store, console: Console, cache: Path | None) -> Source:
    """The data root, written first if it is to hold phantoms."""
    if data != PHANTOM:
        return Source.at(Path(data), cache or default_folder())
    from tasks.phantoms import count_phantoms, write_phantoms  # noqa: PLC0415

    part, datasets, root = plan.phantom, phantom_datasets(plan), phantom_folder(plan, store.root)
    if not root.is_dir():
        console.print(f"drawing phantoms into {root}")
        with writing(root):
            store.root.mkdir(parents=True, exist_ok=True)
            many = count_phantoms(scale=part.scale, most=part.most, datasets=datasets) > FEW
            write_phantoms(
                root,
                scale=part.scale,
                seed=part.seed,
                size=part.size,
                most=part.most,
                datasets=datasets,
                workers=cores() if many else 1,
            )
    return Source.at(root, cache or store.cache)


def phantom_folder(plan: Plan, out: Path) -> Path:
    """Where a plan's phantoms are; the name tells other plans' and versions' apart."""
    from tasks.phantoms import VERSION  # noqa: PLC0415

    part = plan.phantom
    # Without a limit, the name of before there were limits.
    asked = part.model_dump(exclude_none=True)
    name = digest([asked, phantom_datasets(plan), VERSION])[:8]
    return out / f"phantoms-{part.scale}-{part.size}-{part.seed}-{name}"


def phantom_datasets(plan: Plan) -> list[str]:
    """The phantom data sets that a plan's tasks and pools read."""
    from tasks.phantoms import DATASETS  # noqa: PLC0415

    # A task of two archives names both, such as "JSRT (images) and SCR (masks)".
    places = [registry.task(name).info.folder for name in plan.tasks]
    pools = [pool_called(name, domain) for domain, name in plan.pools.items()]
    places += [pattern for pool in pools if pool.folder is None for pattern in pool.patterns]
    return [dataset for dataset in DATASETS if any(dataset in place for place in places)]
