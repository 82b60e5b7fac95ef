"""The script that times how a page opens, on a small one."""

import sys
from pathlib import Path

import pytest

from benchmark.speed.page import main


def test_every_step_is_timed(
    chromium: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "report.html"
    small = f"--methods 3 --tasks 2 --seeds 1 --stages 1 --drawn 1 --runs 1 --out {out}"
    monkeypatch.setattr(sys, "argv", ["page", *small.split()])
    main()
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("3 x 2 x 1 = 6 cells, ")
    assert [line[:17].strip() for line in lines] == ["DOMContentLoaded", "load", "painted"]
    assert all(line.endswith(" s") for line in lines)
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
