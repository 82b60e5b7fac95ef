"""The script that times a leaderboard, on a small one."""

import sys

import pytest

from benchmark.speed.leaderboard import main


def test_every_step_is_timed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = "--methods 4 --tasks 3 --seeds 2 --images 7 --draws 20"
    monkeypatch.setattr(sys, "argv", ["leaderboard", *small.split()])
    main()
    lines = capsys.readouterr().out.splitlines()
    names = ["leaderboard", "rank tests", "paired tests", "practical odds", "power"]
    assert [line[:15].strip() for line in lines] == names
    assert all(line.endswith(" s") for line in lines)
