"""A study in the database: every trial that was finished is there a second later, and is not tried again after a crash.

Trials are written in batches by the store's own thread; the search never waits for the disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from engine.clock import Clock, ist
from engine.core.errors import UserError, did_you_mean
from engine.optimise.fingerprint import differences
from engine.optimise.job import Trial
from engine.store import Store, StudyRow, TrialRow

EVERY_NS = 500_000_000
"""Trials are handed to the writing thread this often."""


class Record(Protocol):
    """Where trials are kept."""

    def known(self, first: int, end: int) -> dict[int, Trial]:
        """Return what an earlier run of the study has finished, of the numbers from `first` to before `end`."""
        ...

    def keep(self, trial: Trial) -> None:
        """Keep a trial."""
        ...

    def flush(self) -> None:
        """Hand over what has gathered."""
        ...

    def end(self) -> None:
        """Note that the study came to its end."""
        ...


class NoRecord:
    """Keeps nothing: for a search that is made from a script without a database."""

    def known(self, first: int, end: int) -> dict[int, Trial]:
        """Know nothing."""
        return {}

    def keep(self, trial: Trial) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class StudyRecord:
    """Keeps trials in a store."""

    def __init__(self, store: Store, study: StudyRow, objectives: int, clock: Clock, *, is_resumed: bool) -> None:
        """Keep trials of that study, which has so many objectives."""
        self.study = study
        self._store, self._objectives, self._clock, self._is_resumed = store, objectives, clock, is_resumed
        self._gathered: list[TrialRow] = []
        self._handed_ns = clock.monotonic_ns()

    def known(self, first: int, end: int) -> dict[int, Trial]:
        """Return what is in the database already."""
        if not self._is_resumed:
            return {}
        return {row.number: _trial(row) for row in self._store.trials(self.study.id, first, end, self._objectives)}

    def keep(self, trial: Trial) -> None:
        """Gather a trial, and hand over what has gathered when that was a while ago."""
        self._gathered.append(_row(self.study.id, trial))
        if self._clock.monotonic_ns() - self._handed_ns >= EVERY_NS:
            self.flush()

    def flush(self) -> None:
        """Hand what has gathered to the writing thread, in one commit."""
        self._handed_ns = self._clock.monotonic_ns()
        if self._gathered:
            self._store.write(*self._gathered)
            self._gathered = []

    def end(self) -> None:
        """Note the time at which the study came to its end."""
        self.flush()
        self.study = replace(self.study, ended_ns=self._clock.now_ns())
        self._store.write(self.study)


def open_record(
    store: Store,
    name: str,
    asked: Mapping[str, object],
    *,
    strategy: str,
    method: str,
    total: int,
    objectives: int,
    resume: bool,
    clock: Clock,
) -> StudyRecord:
    """Begin a study, or take up one of the same name (without a name: the last one of the very same words that was cut off).

    Raises UserError when the name is taken, when there is nothing to go on with, or when `asked` (what makes two studies the same) differs.
    """
    known = {study.name: study for study in store.studies()}
    if resume:
        found = known.get(name) if name else _cut_off(known, asked)
        if found is None:
            raise UserError(_nothing(name, known))
        wrong = differences(asked, found.asked)
        if wrong:
            raise UserError(f"Expected study {found.name} to go on with the same {', '.join(wrong)}, was otherwise; begin another study.")
        return StudyRecord(store, found, objectives, clock, is_resumed=True)
    if name in known:
        raise UserError(f"Expected a new name, was {name}, which there is already; add --resume to go on with it, or choose another.")
    now_ns = clock.now_ns()
    study = StudyRow(now_ns, name or _new_name(strategy, now_ns, known), strategy, method, total, now_ns, asked=asked)
    store.write(study)
    return StudyRecord(store, study, objectives, clock, is_resumed=False)


def _cut_off(known: Mapping[str, StudyRow], asked: Mapping[str, object]) -> StudyRow | None:
    left = [study for study in known.values() if study.ended_ns is None and not differences(asked, study.asked)]
    return left[-1] if left else None


def _nothing(name: str, known: Mapping[str, StudyRow]) -> str:
    if not name:
        return "Expected a study of the very same data and words that was cut off, was none; leave out --resume."
    return (
        f'There is no study "{name}" to go on with{did_you_mean(name, known)}'
        if known
        else f'There is no study "{name}"; leave out --resume.'
    )


def _new_name(strategy: str, now_ns: int, known: Mapping[str, StudyRow]) -> str:
    name = f"{strategy}-{ist(now_ns):%Y%m%d-%H%M%S}"
    return name if name not in known else f"{name}-{now_ns % 1_000_000_000}"


def _row(study_id: int, trial: Trial) -> TrialRow:
    returns = None if trial.returns is None else trial.returns.tobytes()
    return TrialRow(study_id, trial.number, trial.point, trial.values, trial.net_units, trial.fills, trial.fault, returns)


def _trial(row: TrialRow) -> Trial:
    returns = None if row.returns is None else np.frombuffer(row.returns, dtype=np.float64)
    return Trial(row.number, row.point, row.values, row.net_units, row.fills, row.fault, returns)
