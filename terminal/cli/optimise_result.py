"""What a search found, as a console or a script takes it: trials, the best, and what is to be thought of them.

JSON is written trial by trial as it is read from the database, so that millions of them need no memory.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.clock import ist
from engine.core.model import UNITS
from engine.core.registry import METRICS
from engine.optimise.job import Trial
from engine.optimise.monte_carlo import Possibilities
from engine.optimise.record import StudyRecord
from engine.optimise.study import Found, Study
from engine.optimise.walk_forward import Step, WalkForward
from engine.store import Store, TrialRow
from terminal.cli.console import grouped, rupees

AT_ONCE = 2_000
"""Trials that are read from the database at a time."""

SHOWN = 10
"""Trials that are listed on the console."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished study, and the database that has its trials."""

    found: Found
    study: Study
    store: Store

    def results(self) -> Iterator[dict[str, Any]]:
        """Walk over all trials in order of their numbers."""
        record, count = self.study.record, len(self.study.objectives)
        assert isinstance(record, StudyRecord)
        for first in range(0, self.found.total, AT_ONCE):
            for row in self.store.trials(record.study.id, first, first + AT_ONCE, count):
                yield self.trial(row)

    def trial(self, trial: Trial | TrialRow) -> dict[str, Any]:
        """Return a trial as JSON takes it."""
        made: dict[str, Any] = {
            "parameters": self.parameters(trial.point),
            "objective": _number(trial.values[0]),
            "net_pnl": trial.net_units / UNITS,
            "fills": trial.fills,
        }
        if len(trial.values) > 1:
            made["objectives"] = [_number(value) for value in trial.values]
        if trial.fault:
            made["fault"] = trial.fault
        return made

    def parameters(self, point: int) -> dict[str, float]:
        """Return what a combination sets; whole numbers as such."""
        whole = {each.name for each in self.study.template.parameters if each.is_whole}
        return {name: int(value) if name in whole else value for name, value in self.found.plan.space.chosen(point).items()}

    def rest(self) -> dict[str, Any]:
        """Return everything but the trials, as JSON takes it."""
        found, plan = self.found, self.found.plan
        best, judged = found.best, found.judgement
        made: dict[str, Any] = {
            "best": self.trial(best[0]) if best else None,
            "strategy": plan.strategy,
            "symbols": [each.key for each in plan.prepared.instruments],
            "fixed": dict(plan.space.fixed),
            "method": plan.method,
            "seed": plan.seed,
            "objectives": list(plan.objectives),
            "study": found.name,
            "trials": found.done,
            "total": found.total,
            "is_complete": found.is_complete,
            "bars": len(plan.prepared.bars),
            "run_s": found.run_s,
        }
        if found.tally is not None:
            made |= {"faults": found.tally.faults, "front": [self.trial(each) for each in found.tally.front]}
        if judged is not None:
            made |= self._judgement()
        if found.walk is not None:
            made["walk_forward"] = self._walk(found.walk)
        return made

    def _judgement(self) -> dict[str, Any]:
        judged = self.found.judgement
        assert judged is not None
        deflated, plateau = judged.deflated_sharpe, judged.plateau
        return {
            "plateau": None
            if plateau is None
            else {
                "parameters": self.parameters(plateau.point),
                "score": _number(plateau.score),
                "score_of_best": _number(plateau.best_score),
                "heatmap": judged.heatmap,
            },
            "deflated_sharpe": {
                "probability": _number(deflated.probability),
                "sharpe_per_day": _number(deflated.sharpe),
                "expected_of_luck_per_day": _number(deflated.threshold),
                "independent_trials": _number(deflated.trials),
            },
            "pbo": _number(judged.overfitting.probability),
            "monte_carlo": {"shuffled": _possibilities(judged.shuffled), "drawn": _possibilities(judged.drawn)},
        }

    def _walk(self, walk: WalkForward) -> dict[str, Any]:
        run = walk.run
        return {
            "windows": [self.step(step) for step in walk.steps],
            "net_pnl": (int(run.equity[-1]) - run.capital_units) / UNITS,
            "fills": len(run.fills),
            "metrics": {name: _number(METRICS.get(name).compute(run)) for name in self.found.plan.objectives},
            "equity": [[ist(int(run.equity_ns[at])).date().isoformat(), int(run.equity[at]) / UNITS] for at in run.trading_days.last],
        }

    def step(self, step: Step) -> dict[str, Any]:
        """Return one window of a walk forward as JSON takes it."""
        times = self.found.plan.prepared.bars["time_ns"]
        learn, test = step.window.learn, step.window.test
        return {
            "learn_from": _day(times[learn.first]),
            "test_from": _day(times[test.first]),
            "test_to": _day(times[test.end - 1]),
            "best": self.trial(step.best) if step.best is not None else None,
            "net_pnl": step.net_units / UNITS,
            "fills": step.fills,
        }


def print_json(answer: Answer) -> None:
    """Print JSON and nothing else."""
    out = sys.stdout
    out.write('{"results": [')
    for number, made in enumerate(answer.results()):
        out.write(("," if number else "") + "\n " + json.dumps(made))
    out.write("\n],\n" + json.dumps(answer.rest(), indent=1)[1:].lstrip("\n") + "\n")


def print_text(answer: Answer) -> None:
    """Print it for a human."""
    found = answer.found
    titles = ", ".join(METRICS.get(name).title for name in found.plan.objectives)
    print(f"{answer.study.template.title}: {grouped(found.done)} of {grouped(found.total)} trials in {found.run_s:.2f} s, by {titles}")
    if found.walk is not None:
        _print_walk(answer, found.walk)
    elif found.best:
        _print_best(answer, "best", found.best)
        if found.tally is not None and found.tally.front:
            _print_best(answer, "front", sorted(found.tally.front, key=lambda each: each.number))
    if found.judgement is not None:
        _print_judgement(answer)
    print(f"study      {found.name}")


def _print_best(answer: Answer, label: str, trials: list[Trial]) -> None:
    for trial in trials[:SHOWN]:
        values = " ".join(f"{value:>12.4f}" for value in trial.values)
        print(f"{label:<10} {values}  {rupees(trial.net_units):>14}  {grouped(trial.fills):>7} fills   {_spoken(answer, trial.point)}")
        label = ""


def _print_judgement(answer: Answer) -> None:
    judged = answer.found.judgement
    assert judged is not None
    plateau, deflated, drawn = judged.plateau, judged.deflated_sharpe, judged.drawn
    if plateau is not None:
        told = f"{plateau.score:.4f} around {_spoken(answer, plateau.point)}; {plateau.best_score:.4f} around the best"
        print(f"plateau    {told}")
    likely = _percent(deflated.probability)
    print(f"luck       the Sharpe ratio is real with a probability of {likely} (deflated for {deflated.trials:.0f} independent trials)")
    print(f"overfit    with a probability of {_percent(judged.overfitting.probability)} the best of the past is below average tomorrow")
    print(
        f"trades     drawn again {grouped(drawn.draws)} times, one in twenty falls by {drawn.drawdown_pct[0.95]:.2f} % or more "
        f"and ends at {rupees(drawn.final_units[0.05])} or less"
    )


def _print_walk(answer: Answer, walk: WalkForward) -> None:
    for step in walk.steps:
        told = answer.step(step)
        chosen = _spoken(answer, step.best.point) if step.best is not None else "nothing had a number"
        print(f"{told['test_from']} to {told['test_to']}  {rupees(step.net_units):>14}  {grouped(step.fills):>7} fills   {chosen}")
    run = walk.run
    figures = ", ".join(f"{METRICS.get(name).title} {METRICS.get(name).compute(run):.4f}" for name in answer.found.plan.objectives)
    print(f"unseen     {rupees(int(run.equity[-1]) - run.capital_units)} in {len(walk.steps)} stretches; {figures}")


def _spoken(answer: Answer, point: int) -> str:
    return " ".join(f"{name}={value:g}" for name, value in answer.parameters(point).items())


def _percent(value: float) -> str:
    return "?" if math.isnan(value) else f"{100 * value:.0f} %"


def _number(value: float) -> float | None:
    """Return a number that JSON has: it knows neither NaN nor infinity."""
    return float(value) if math.isfinite(value) else None


def _possibilities(made: Possibilities) -> dict[str, Any]:
    return {
        "draws": made.draws,
        "drawdown_pct": {f"{level:g}": value for level, value in made.drawdown_pct.items()},
        "drawdown": {f"{level:g}": units / UNITS for level, units in made.drawdown_units.items()},
        "equity_final": {f"{level:g}": units / UNITS for level, units in made.final_units.items()},
    }


def _day(time_ns: int) -> str:
    return ist(int(time_ns)).date().isoformat()
