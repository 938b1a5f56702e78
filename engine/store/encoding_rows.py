"""How a session, a strategy or a day becomes a row of its table, and a row the same thing again: the store's own rows.

What has no fixed shape (parameters, settings) is kept as JSON text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date

from engine.store.encoding import Values, to_json
from engine.store.models import StoredAlert, StoredDay, StoredEntry, StoredSession, StoredStrategy, StoredStudy, StoredTrial
from engine.store.rows import AccountDay, AlertRow, JournalEntry, SessionRow, Setting, StrategyRow, StudyRow, TrialRow


def decode_entry(row: StoredEntry) -> JournalEntry:
    """Return the journal line of a row."""
    return JournalEntry(row.time_ns, row.kind, row.order_id, _mapping(row.payload), row.account, row.seq)


def encode_session(row: SessionRow) -> Values:
    """Return the columns of `sessions`."""
    return (row.id, row.account, row.mode, row.broker, row.started_ns, row.ended_ns, to_json(dict(row.data)))


def decode_session(row: StoredSession) -> SessionRow:
    """Return the session of a row."""
    return SessionRow(row.id, row.account, row.mode, row.broker, row.started_ns, row.ended_ns, _mapping(row.data))


def encode_strategy(row: StrategyRow) -> Values:
    """Return the columns of `strategies`."""
    parameters, symbols, config = to_json(dict(row.parameters)), to_json(list(row.symbols)), to_json(dict(row.config))
    return (row.id, row.name, row.strategy_type, parameters, row.mode, row.state, row.state_buffer, row.description, symbols, config)


def decode_strategy(row: StoredStrategy) -> StrategyRow:
    """Return the strategy of a row."""
    return StrategyRow(
        id=row.id,
        name=row.name,
        strategy_type=row.strategy_type,
        parameters=_mapping(row.parameters),
        mode=row.mode,
        state=row.state,
        state_buffer=row.state_buffer,
        description=row.description,
        symbols=tuple(json.loads(row.symbols)),
        config=_mapping(row.config),
    )


def encode_alert(account: str, row: AlertRow) -> Values:
    """Return the columns of `alerts`."""
    return (account, row.id, row.kind, row.time_ns, to_json(dict(row.data)))


def decode_alert(row: StoredAlert) -> AlertRow:
    """Return the alert or the sentence of a row."""
    return AlertRow(row.id, row.kind, row.time_ns, _mapping(row.data))


def encode_day(row: AccountDay) -> Values:
    """Return the columns of `account_days`."""
    return (
        row.account,
        row.day.isoformat(),
        row.start_units,
        row.end_units,
        row.realised_units,
        row.unrealised_units,
        row.charges_units,
        row.peak_units,
        row.orders,
        row.fills,
        row.denied,
        row.state,
        row.reason,
    )


def decode_day(row: StoredDay) -> AccountDay:
    """Return the day of a row."""
    return AccountDay(
        account=row.account,
        day=date.fromisoformat(row.day),
        start_units=row.start_units,
        end_units=row.end_units,
        realised_units=row.realised_units,
        unrealised_units=row.unrealised_units,
        charges_units=row.charges_units,
        peak_units=row.peak_units,
        orders=row.orders,
        fills=row.fills,
        denied=row.denied,
        state=row.state,
        reason=row.reason,
    )


def encode_setting(row: Setting) -> Values:
    """Return the columns of `settings`."""
    return (row.name, to_json(row.value))


def encode_study(row: StudyRow) -> Values:
    """Return the columns of `studies`."""
    return (row.id, row.name, row.strategy, row.method, row.total, row.started_ns, row.ended_ns, to_json(dict(row.asked)))


def decode_study(row: StoredStudy) -> StudyRow:
    """Return the study of a row."""
    return StudyRow(row.id, row.name, row.strategy, row.method, row.total, row.started_ns, row.ended_ns, _mapping(row.asked))


def encode_trial(row: TrialRow) -> Values:
    """Return the columns of `trials`."""
    first, second = (None if math.isnan(value) else float(value) for value in (*row.values, math.nan)[:2])
    return (row.study_id, row.number, row.point, first, second, row.net_units, row.fills, row.fault, row.returns)


def decode_trial(row: StoredTrial, objectives: int) -> TrialRow:
    """Return the trial of a row, with so many objectives."""
    values = tuple(math.nan if value is None else value for value in (row.first_value, row.second_value)[:objectives])
    return TrialRow(row.study_id, row.number, row.point, values, row.net_units, row.fills, row.fault, row.returns)


def _mapping(text: str) -> Mapping[str, object]:
    found: dict[str, object] = json.loads(text)
    return found
