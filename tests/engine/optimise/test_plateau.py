"""A lonely peak falls back, a broad hill stays."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.registry import TEMPLATES
from engine.optimise.plateau import heatmap, plateau_scores
from engine.optimise.space import make_space, parse_axis


def test_a_score_is_the_mean_of_the_neighbourhood() -> None:
    cells = np.array([[0.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 5.0]])
    scores = plateau_scores(cells)
    assert scores[1, 1] == pytest.approx(14 / 9)
    assert scores[2, 2] == pytest.approx(14 / 4)
    assert scores[0, 0] == pytest.approx(9 / 4)


def test_a_broad_hill_beats_a_higher_peak() -> None:
    cells = np.zeros(12)
    cells[1] = 10.0
    cells[7:10] = 6.0
    assert plateau_scores(cells).argmax() == 8


def test_cells_without_a_number_do_not_count() -> None:
    scores = plateau_scores(np.array([[1.0, np.nan], [3.0, 5.0]]))
    assert scores[0, 0] == pytest.approx(3.0)
    assert np.isnan(scores[0, 1])


def test_the_map_names_both_axes() -> None:
    space = make_space(TEMPLATES.get("ema_crossover"), [parse_axis("fast_ema", "5:7:1"), parse_axis("slow_ema", "30,40")])
    assert heatmap(space, np.array([1.0, 2.0, np.nan, 4.0])) == {
        "rows": {"parameter": "fast_ema", "values": [5.0, 6.0]},
        "columns": {"parameter": "slow_ema", "values": [30.0, 40.0]},
        "cells": [[1.0, 2.0], [None, 4.0]],
    }
