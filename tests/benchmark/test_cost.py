"""Costs of methods whose passes can be counted by hand."""

import pytest

from benchmark import registry
from benchmark.cost import cost, costs

TINY = 922_896  # parameters of the tiny encoder with three channels


def test_simclr_passes_two_views_both_ways() -> None:
    spent = cost(registry.method("simclr"))
    assert (spent.forward, spent.backward) == (2.0, 2.0)
    head = 128 * 2048 + 2 * 2048 + 2048 * 128 + 2 * 128  # linear, norm, linear, norm
    assert spent.parameters == TINY + head


def test_byol_passes_four_views_and_half_of_them_back() -> None:
    spent = cost(registry.method("byol"))
    assert (spent.forward, spent.backward) == (4.0, 2.0)
    simclr = cost(registry.method("simclr"))
    # A backward pass costs two forward ones: (4 + 2 x 2) / (2 + 2 x 2).
    assert spent.operations / simclr.operations == pytest.approx(8 / 6, rel=0.05)


def test_ld_passes_five_views_of_two_images() -> None:
    spent = cost(registry.method("ld"))
    assert (spent.forward, spent.backward) == (2.5, 2.5)


def test_a_control_spends_nothing() -> None:
    spent = cost(registry.method("random"))
    assert (spent.parameters, spent.forward, spent.operations) == (0, 0.0, 0.0)


def test_the_table_is_relative_to_simclr() -> None:
    rows = {row["name"]: row for row in costs(["random", "simclr", "byol"])}
    assert list(rows) == ["random", "simclr", "byol"]
    assert list(rows["simclr"].values())[2:] == [1.0, 1.0, 1.0]
    assert (rows["byol"]["forward"], rows["byol"]["backward"]) == (2.0, 1.0)
    assert rows["random"]["operations"] == 0.0
