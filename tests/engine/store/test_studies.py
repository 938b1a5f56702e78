"""Searches for parameters and their trials come back as they were kept, NaN and all."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from engine.store import Store, StudyRow, TrialRow
from engine.store.database import HEAD, connect, to_url

STUDY = StudyRow(7, "night", "ema_crossover", "grid", 3, 1_000, asked={"data": "abc"})


def test_a_study_and_its_trials_come_back(location: Path | str) -> None:
    returns = np.array([0.1, -0.2]).tobytes()
    trials = [TrialRow(7, 0, 4, (1.5, math.nan), 100, 3, "", returns), TrialRow(7, 2, 5, (math.nan, 2.0), -5, 0, "it raised")]
    store = Store.open(location)
    store.write(STUDY, *reversed(trials), TrialRow(8, 0, 0, (9.0,), 0, 0))
    store.close()
    store = Store.open(location)
    assert store.studies() == [STUDY]
    assert repr(store.trials(7, 0, 3, 2)) == repr(trials)
    assert [trial.number for trial in store.trials(7, 1, 9)] == [2]
    assert store.trials(8, 0, 3) == [TrialRow(8, 0, 0, (9.0,), 0, 0)]
    store.close()


def test_a_trial_that_is_told_twice_is_kept_once(location: Path | str) -> None:
    store = Store.open(location)
    store.write(TrialRow(7, 0, 4, (1.0,), 1, 1), TrialRow(7, 0, 4, (1.0,), 1, 1))
    store.write(STUDY, StudyRow(7, "night", "ema_crossover", "grid", 3, 1_000, 2_000, {"data": "abc"}))
    store.close()
    store = Store.open(location)
    assert len(store.trials(7, 0, 9)) == 1
    assert [study.ended_ns for study in store.studies()] == [2_000]
    store.close()


def test_a_database_of_before_gets_the_tables(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.store.database.HEAD", "0001")
    Store.open(file).close()
    monkeypatch.undo()
    store = Store.open(file)
    assert store.studies() == []
    store.close()
    engine = connect(to_url(file))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
    engine.dispose()
