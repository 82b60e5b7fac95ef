"""The command line, results to share, and packages of one's own as pip leaves them."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.cli import main
from tests.benchmark.small_results import cell_of, put
from tests.benchmark.small_run import run_arguments

Install = Callable[..., Path]
Call = Callable[..., int]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs the command line: ``call("methods", "--json")`` gives its exit code."""

    def called(*arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["ldbench", *map(str, arguments)])
        return main()

    return called


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes a plan and runs it: the folder with plan.toml, and the results in out."""

    def run(text: str) -> Path:
        place = tmp_path_factory.mktemp("run")
        (place / "plan.toml").write_text(text, encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["ldbench", *map(str, run_arguments(place))])
            assert main() == 0
        return place

    return run


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """``run`` prints its tables but draws no figures and no page, which take seconds a run."""
    monkeypatch.setattr("benchmark.reporting.write", lambda *_, **__: None)


@pytest.fixture
def mistake(call: Call, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command line into a mistake; the one line that it ends in."""

    def mistaken(*arguments: str | Path) -> str:
        assert call(*arguments) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        return str(line)

    return mistaken


@pytest.fixture
def shared(tmp_path: Path, call: Call) -> Path:
    """An archive of one cell of ``ld`` with its encoder."""
    put(tmp_path / "ours", cell_of("ld"))
    assert call("export", tmp_path / "ours", tmp_path / "ld.zip", "--encoders") == 0
    return tmp_path / "ld.zip"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package: ``install("mine", {"mine": "mine:Mine"}, {"mine.py": "..."})``.

    Each goes into a folder of its own, which is returned and on the path until the test ends.
    """
    loaded = set(sys.modules)
    names: set[str] = set()

    def installed(
        package: str, entries: dict[str, str], code: dict[str, str], kind: str = "method"
    ) -> Path:
        folder = tmp_path / "site" / package
        record = folder / f"{package}-1.0.dist-info"
        record.mkdir(parents=True)
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {where}\n" for name, where in entries.items())
        (record / "entry_points.txt").write_text(f"[ldbench.{kind}s]\n{lines}")
        for place, text in code.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            names.add(Path(place).parts[0].removesuffix(".py"))
        monkeypatch.syspath_prepend(str(folder))
        return folder

    yield installed
    for module in set(sys.modules) - loaded:
        if module.partition(".")[0] in names:
            del sys.modules[module]


METHOD = '''
from dataclasses import dataclass

from methods.base import Batch, Draws, Method, Progress, Scalar


class Mine(Method[Batch]):
    """A method of somebody's own."""

    name = "mine"
    paper = "https://arxiv.org/abs/1234.56789"

    @dataclass(frozen=True, slots=True)
    class Config:
        """Settings."""

        learning_rate: float = 1e-3
        weight_decay: float = 0.0
        batch_size: int = 4

    def views(self, batch: Batch, draws: Draws) -> Batch:
        return batch

    def loss(self, views: Batch, progress: Progress) -> Scalar:
        return sum(level.float().square().mean() for level in self.encoder(views.images))
'''

TASK = '''
from pathlib import Path

from tasks.base import Source, TaskInfo
from tasks.segmentation import Example, SegmentationTask
from tasks.splits import Split


class Mine(SegmentationTask):
    """A task of somebody's own."""

    name = "mine"
    info = TaskInfo(
        title="Discs",
        domain="fundus",
        kind="anatomy",
        dataset="Discs",
        folder="discs",
        owner="me",
        page="https://example.org",
        citation="me",
        terms="mine",
    )

    def split(self, source: Source) -> Split:
        return Split(("a", "b", "c"), ("d",))

    def example(self, root: Path, image_id: str) -> Example:
        folder = root / "discs"
        return Example(image_id, folder / f"{image_id}.png", (folder / f"{image_id}_mask.png",))
'''


@pytest.fixture
def method_source() -> str:
    """A module with a sound method ``Mine``, registered as "mine"."""
    return METHOD


@pytest.fixture
def task_source() -> str:
    """A module with a sound task ``Mine``, registered as "mine"."""
    return TASK
