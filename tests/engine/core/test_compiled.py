"""A compiled function answers the same before and after it became machine code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.core import compiled as compiling
from engine.core.compiled import Compiled, borrowed, compile_all, compiled, is_disabled, pointer_type, record_type, row_of
from engine.core.errors import UserError
from engine.core.records import BAR, INTENT, fields
from engine.core.registry import TEMPLATES

ROOT = Path(__file__).resolve().parents[3]
SMALL = fields("a", "b")

with_machine_code = pytest.mark.skipif(is_disabled(), reason="machine code is switched off in this run")


@compiled("f8(f8, f8)")
def inner(x: float, y: float) -> float:
    """Add."""
    return x + y


@compiled()
def free(x: float) -> float:
    """Double, for whatever type the caller has."""
    return x * 2


@compiled("void(f8[:], f8[:], BAR, INTENT)")
def step(state, params, bar, intent):  # type: ignore[no-untyped-def]
    """Want what the close says."""
    state[0] = inner(state[0], bar.close)
    intent.target = free(params[0])


@compiled("f8(STEP, BAR[:], f8[:,:])")
def loop(on_bar, bars, buffers):  # type: ignore[no-untyped-def]
    """Walk over bars through a function pointer."""
    intents = np.zeros(1, INTENT)
    for i in range(len(bars)):
        on_bar(buffers[0], buffers[1], bars[i], intents[0])
    return buffers[0, 0] + intents[0].target


def make() -> tuple[np.ndarray, np.ndarray]:
    bars = np.zeros(3, BAR)
    bars["close"] = [1.0, 2.0, 4.0]
    return bars, np.array([[0.0], [5.0]])


def test_it_runs_uncompiled_first() -> None:
    assert loop.py_func(step, *make()) == 17.0
    assert inner.__name__ == "inner"
    assert inner.__doc__ == "Add."


def test_compiling_switches_calls_over_and_answers_the_same() -> None:
    chosen = [inner, step, loop, free]
    assert compile_all(chosen) == 3
    assert inner.is_ready is not is_disabled()
    on_bar = step if is_disabled() else step.dispatcher
    assert loop(on_bar, *make()) == 17.0
    assert inner(2.0, 3.0) == 5.0


def test_all_that_have_a_signature_are_compiled_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_ALL", [inner, free])
    assert compile_all() == 1


@with_machine_code
def test_a_declared_record_can_stand_in_a_signature() -> None:
    record_type("SMALL", SMALL)

    @compiled("f8(SMALL[:])")
    def total(rows):  # type: ignore[no-untyped-def]
        """Add up."""
        return rows[0].a + rows[0].b

    rows = np.zeros(1, SMALL)
    rows[0].a, rows[0].b = 1.5, 2.0
    assert total.compile()(rows) == 3.5


@with_machine_code
def test_bytes_can_stand_in_a_signature() -> None:
    @compiled("i8(bytes)")
    def last(text):  # type: ignore[no-untyped-def]
        """Read the last byte."""
        return text[len(text) - 1]

    assert last.compile()(b"abc") == ord("c")


def test_a_signature_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected a signature like 'f8\(f8, i8\)', was 'f8'"):
        compiled("f8")(make).dispatcher  # noqa: B018


def test_a_pointer_type_is_known_by_its_name() -> None:
    assert pointer_type("ONE", "f8(f8)") == "ONE"
    assert compiling._POINTERS["ONE"] == "f8(f8)"


@pytest.mark.parametrize("names", [("SHIKRA_CACHE",), ("XDG_CACHE_HOME",), ()])
def test_machine_code_is_kept_in_the_users_cache_by_the_state_of_the_source(
    names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("SHIKRA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in names:
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    folder = compiling._cache_dir()
    assert folder.is_relative_to(tmp_path)
    assert folder == compiling._cache_dir()
    assert len(folder.name) == 16


def test_importing_the_law_does_not_import_numba() -> None:
    code = "import sys, engine.core.compiled, engine.core.matching; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def bump(buffer, dtype):  # type: ignore[no-untyped-def]
    """Add one to the second field."""
    row = row_of(buffer, dtype)
    row.b += 1.0
    return row.a + row.b


def test_a_buffer_read_as_a_record_is_the_buffer_itself() -> None:
    buffer = np.array([1.0, 2.0])
    assert bump(buffer, SMALL) == 4.0
    assert buffer.tolist() == [1.0, 3.0]


@with_machine_code
def test_machine_code_reads_a_buffer_as_a_record_too() -> None:
    compiling._numba()
    import numba

    @numba.njit  # type: ignore[untyped-decorator]  # no disk cache, so that the teaching itself is run
    def fresh(buffer):  # type: ignore[no-untyped-def]
        row = row_of(buffer, SMALL)
        row.b += 1.0
        return row.a + row.b

    buffer = np.array([1.0, 2.0])
    assert fresh(buffer) == 4.0
    assert buffer.tolist() == [1.0, 3.0]


def test_a_borrowed_array_is_the_array_itself() -> None:
    rows = np.zeros(2)
    assert borrowed(rows) is rows


@with_machine_code
def test_machine_code_writes_through_a_borrowed_array() -> None:
    compiling._numba()
    import numba

    @numba.njit  # type: ignore[untyped-decorator]  # no disk cache, so that the teaching itself is run
    def fresh(rows):  # type: ignore[no-untyped-def]
        lent = borrowed(rows)
        lent[1] = 5.0
        return len(lent)

    rows = np.zeros(2)
    assert fresh(rows) == 2
    assert rows.tolist() == [0.0, 5.0]


@pytest.mark.skipif(is_disabled(), reason="machine code is switched off in this run")
def test_what_cannot_be_compiled_is_told_with_its_line() -> None:
    @compiled("f8(f8)")
    def adds_a_word(number):  # type: ignore[no-untyped-def]
        """Do what no machine can."""
        return number + "x"

    with pytest.raises(
        UserError, match=r"Expected adds_a_word to compile, was refused \(line \d+ of test_compiled.py\): No implementation"
    ):
        adds_a_word.compile()


@with_machine_code
def test_a_pointer_tells_what_it_takes_and_where_it_lies() -> None:
    on_bar = TEMPLATES.get("ema_crossover").on_bar
    assert isinstance(on_bar, Compiled)
    pointer = on_bar.pointer
    assert pointer.signature() == on_bar.dispatcher.overloads[on_bar.dispatcher.signatures[0]].signature
    assert on_bar.pointer is pointer
    assert pointer.__wrapper_address__() > 0


@compiled("f8(f8)")
def doubled(value: float) -> float:
    """Double."""
    return 2.0 * value


@compiled("f8(f8)")
def doubled_twice(value: float) -> float:
    """Call what nobody else calls."""
    return doubled(doubled(value))


@with_machine_code
def test_a_function_that_only_compiled_ones_call_has_its_way_in_from_python_made_when_one_is_asked_for() -> None:
    assert doubled_twice.compile()(3.0) == 12.0
    within = doubled.inner
    assert doubled.inner is within
    assert not doubled.is_ready
    assert doubled.compile()(3.0) == 6.0
    assert doubled.inner is doubled.dispatcher is not within
    assert doubled_twice(3.0) == 12.0
