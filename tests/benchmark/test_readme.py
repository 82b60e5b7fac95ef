"""The README's ten-minute example, run as it is written."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECTION = "### Your own method"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block of the README and the paragraphs since the one before."""

    language: str
    text: str
    before: str


def blocks(heading: str) -> list[Block]:
    """A section's code blocks, in their order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.split(r"^#{2,3} ", text.split(f"{heading}\n")[1], flags=re.MULTILINE)[0]
    found, last = [], 0
    for match in BLOCK.finditer(section):
        found.append(Block(match[1], match[2], section[last : match.start()]))
        last = match.end()
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with ``.venv`` as `make` leaves it: this environment, with a place of its own."""
    venv.create(tmp_path / ".venv", symlinks=True)
    scripts = tmp_path / ".venv" / "bin"
    (site,) = (tmp_path / ".venv").glob("lib/python*/site-packages")
    outer = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (site / "outer.pth").write_text(outer)
    command = scripts / "ldbench"
    command.write_text(
        f"#!{scripts / 'python'}\nimport sys\nfrom benchmark.cli import main\nsys.exit(main())\n"
    )
    command.chmod(0o755)
    return tmp_path


def run(command: str, folder: Path) -> str:
    """Run commands as a shell would, without a network; what they print."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PIP_NO_INDEX": "1",
        "COLUMNS": "100",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_ten_minute_example_runs_as_written(folder: Path) -> None:
    printed = ""
    for block in blocks(SECTION):
        if block.language == "sh":
            printed += run(block.text, folder)
        else:
            (place,) = re.findall(r"`(\S+\.py)` be this:\s*$", block.before)
            assert (folder / place).is_file()  # `ldbench new` has written it
            (folder / place).write_text(block.text, encoding="utf-8")
    promises = re.search(r"vicreg keeps (\d+) of (\d+) promises", printed)
    assert promises is not None
    assert promises[1] == promises[2] != "0"
    plan = tomllib.loads((folder / "vicreg" / "plan.toml").read_text(encoding="utf-8"))
    assert plan["size"] == 32
    results = folder / "results" / "runs" / "vicreg"
    boards = json.loads((results / "leaderboard.json").read_text(encoding="utf-8"))["boards"]
    for board in boards:
        rows = {row["method"]: row for row in board["rows"]}
        assert set(rows) == ({"random"} if board["stage"] == "direct" else {"random", "vicreg"})
        assert all(row["missing"] == 0 for row in rows.values())
    (encoder,) = (
        record
        for path in (results / "encoders").glob("*/pretrain.json")
        if (record := json.loads(path.read_text(encoding="utf-8")))["key"]["method"] == "vicreg"
    )
    assert "vicreg" in encoder["fingerprint"]
    listed = json.loads(run(".venv/bin/ldbench methods --json", folder))
    assert (listed[-1]["name"], listed[-1]["source"]) == ("vicreg", "vicreg 0.1.0")
    assert "vicreg" not in sys.modules


def test_the_example_is_one_file_and_three_commands() -> None:
    assert [block.language for block in blocks(SECTION)] == ["sh", "python", "sh"]
