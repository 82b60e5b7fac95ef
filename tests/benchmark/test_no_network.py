"""Nothing calls home: a whole run, with every method imported, opens no connection."""

import subprocess
import sys
from pathlib import Path

PLAN = """
title = "Alone"
methods = ["random"]
tasks = ["scr_lung"]
seeds = [0]
size = 32
threads = 1
[pools]
"chest X-ray" = "chestxray14"
[budget]
images = 8
[downstream]
steps = 1
batch_size = 2
[phantom]
scale = 0.02
size = 64
"""

CODE = """
import socket, sys

def watch(event, given):
    if event == "socket.getaddrinfo" or (
        event == "socket.connect" and given[0].family != socket.AF_UNIX
    ):
        raise AssertionError(f"{event} {given[1:]}")

sys.addaudithook(watch)
from benchmark import registry
from benchmark.cli import main

for name in registry.methods():
    registry.method(name)
sys.argv = ["ldbench", *sys.argv[1:]]
sys.exit(main())
"""


def test_a_run_opens_no_connection(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN)
    done = subprocess.run(
        [sys.executable, "-c", CODE, "run", plan, "--data", "phantom", "--out", tmp_path / "out"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 cells computed" in done.stdout


def test_the_watch_works() -> None:
    code = CODE.partition("from benchmark")[0] + "socket.create_connection(('127.0.0.1', 9))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "AssertionError: socket.getaddrinfo" in done.stderr
