"""Turns the law's inner functions into machine code, without making the trader wait for it.

`@compiled("f8(f8, f8, i8)")` keeps the plain function as `py_func` and runs it until `compile()` was called (in a worker thread).
Importing this module does not import numba. Names in a signature are numba's scalars (f8, i8, i4, i1, b1, void), a record of
`records` (BAR, INTENT, ...), an array of either (`BAR[:]`, `f8[:,:]`), `bytes`, or a function pointer declared with `pointer_type`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from engine.core import records
from engine.core.errors import UserError
from engine.core.records import Row, Rows
from engine.core.sweeps import few_sweeps, keep_all

P = ParamSpec("P")
R = TypeVar("R")

_POINTERS: dict[str, str] = {}
_RECORDS: dict[str, np.dtype[Any]] = {}
_TYPES: dict[str, Any] = {}
_ALL: list[Compiled[..., Any]] = []


def is_disabled() -> bool:
    """Tell whether machine code is switched off (coverage of the law is measured so)."""
    return os.environ.get("NUMBA_DISABLE_JIT") == "1"


class Compiled(Generic[P, R]):
    """A function that runs as plain Python until it is compiled, and gives the same answer either way."""

    def __init__(self, py_func: Callable[P, R], signature: str | None, fastmath: bool) -> None:
        self.py_func = py_func
        self.signature = signature
        self.fastmath = fastmath
        self.__name__ = py_func.__name__
        self.__doc__ = py_func.__doc__
        self.__module__ = py_func.__module__
        self._dispatcher: Any = None
        self._inner: Any = None
        self._pointer: Any = None
        self._plain: Callable[P, R] | None = None
        self._call: Callable[P, R] = py_func

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it, compiled when ready."""
        return self._call(*args, **kwargs)

    @property
    def plain(self) -> Callable[P, R]:
        """Return the plain function, which calls the plain ones of all that it calls.

        A few comparisons of Python's own numbers take less time than the way into machine code and back.
        """
        if self._plain is None:
            self._plain = _plain_of(self.py_func)
        return self._plain

    @property
    def is_ready(self) -> bool:
        """Tell whether calls run as machine code."""
        return self._call is not self.py_func

    @property
    def inner(self) -> Any:
        """Return numba's object for compiled callers, without the way in from Python (dearer to compile than where it leads) if it can."""
        if self._dispatcher is not None or self.signature is None:
            return self.dispatcher
        if self._inner is None:
            inner = _copy_of(self.py_func, self.py_func.__globals__)
            # Numba's cache tells functions apart by this name, and not by how they were compiled.
            inner.__qualname__ += "_inner"
            self._inner = self._compile(inner, no_cpython_wrapper=True, no_cfunc_wrapper=True)
        return self._inner

    @property
    def dispatcher(self) -> Any:
        """Return numba's object for callers in Python; made on first use, without compiling a signature-less function yet."""
        if self._dispatcher is None:
            self._dispatcher = self._compile(self.py_func)
        return self._dispatcher

    def _compile(self, function: Any, **more: bool) -> Any:
        with few_sweeps():
            numba = _numba()
            options = {"cache": True, "nogil": True, "fastmath": self.fastmath, "error_model": "numpy", **more}
            signatures = () if self.signature is None else (_signature(self.signature),)
            try:
                return numba.njit(*signatures, **options)(function)
            except numba.core.errors.NumbaError as error:
                raise UserError(_refusal(self.py_func, str(error))) from error

    @property
    def pointer(self) -> Any:
        """Return what stands for this function, compiled, where a loop takes a function pointer of its signature."""
        if self._pointer is None:
            self._pointer = _point_to(self.dispatcher)
        return self._pointer

    def compile(self) -> Callable[P, R]:
        """Compile (or load from the disk cache) and switch calls over; costs seconds, so do it off the event loop."""
        if not is_disabled():
            self._call = self.dispatcher
        return self._call


def _plain_of(function: Callable[P, R]) -> Callable[P, R]:
    code, names = function.__code__, function.__globals__
    inner = {name: names[name].plain for name in code.co_names if isinstance(names.get(name), Compiled)}
    return _copy_of(function, {**names, **inner}) if inner else function


def _copy_of(function: Callable[P, R], names: dict[str, Any]) -> FunctionType:
    made = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    made.__qualname__, made.__module__ = function.__qualname__, function.__module__
    return made


def compiled(signature: str | None = None, *, fastmath: bool = False) -> Callable[[Callable[P, R]], Compiled[P, R]]:
    """Mark a function of the law for compiling; without a signature it is specialised by its callers."""

    def wrap(function: Callable[P, R]) -> Compiled[P, R]:
        made: Compiled[P, R] = Compiled(function, signature, fastmath)
        _ALL.append(made)
        return made

    return wrap


def compile_all(functions: Iterable[Compiled[..., Any]] | None = None) -> int:
    """Compile the given functions, or all that have a signature; returns how many."""
    chosen = list(_ALL) if functions is None else functions
    return len([function.compile() for function in chosen if function.signature is not None])


def pointer_type(name: str, signature: str) -> str:
    """Declare the name of a function-pointer type, so that a template can be handed to a compiled loop."""
    _POINTERS[name] = signature
    return name


def record_type(name: str, dtype: np.dtype[Any]) -> str:
    """Declare the name of a further record type for signatures."""
    _RECORDS[name] = dtype
    return name


def row_of(buffer: Rows, dtype: np.dtype[Any]) -> Row:
    """Read a float64 buffer of exactly that size as one record of the given layout; what is written to the record is in the buffer.

    Compiled it costs nothing, where `buffer.view(dtype)[0]` counts references and divides at every call.
    """
    return buffer.view(dtype)[0]


def borrowed(rows: Rows) -> Rows:
    """Return the same array for use inside a compiled loop that does not outlive it: compiled, nothing counts references to it."""
    return rows


def _signature(text: str) -> Any:
    match = re.fullmatch(r"\s*([^(]+)\((.*)\)\s*", text)
    if match is None:
        raise ValueError(f"Expected a signature like 'f8(f8, i8)', was {text!r}.")
    inner = re.split(r",(?![^\[]*\])", match[2])
    arguments = [_type(part) for part in inner if part.strip()]
    return _type(match[1])(*arguments)


def _type(text: str) -> Any:
    text = text.strip()
    if text not in _TYPES:
        _TYPES[text] = _make_type(text)
    return _TYPES[text]


def _make_type(text: str) -> Any:
    numba = _numba()
    if text.endswith("]"):
        base, _, shape = text.partition("[")
        return numba.types.Array(_type(base), shape.count(":"), "C")
    if text == "bytes":
        return numba.types.Bytes(numba.types.uint8, 1, "C")
    if text in _POINTERS:
        return numba.types.FunctionType(_signature(_POINTERS[text]))
    dtype = _RECORDS.get(text, getattr(records, text, None))
    if dtype is not None:
        return numba.from_dtype(dtype)
    return getattr(numba.types, text)


def _numba() -> Any:
    if not _NUMBA:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache_dir()))
        import numba
        from numba.extending import typeof_impl

        keep_all()

        @typeof_impl.register(Compiled)  # type: ignore[untyped-decorator]  # numba has no types
        def _typeof(value: Compiled[..., Any], context: Any) -> Any:
            return numba.types.Dispatcher(value.inner)

        _teach_row_of()
        _teach_borrowed()
        _NUMBA.append(numba)
    return _NUMBA[0]


def _teach_row_of() -> None:
    """Tell numba that a record is no more than the address where the buffer's data lie."""
    from numba.extending import intrinsic, overload

    @intrinsic  # type: ignore[untyped-decorator]  # numba has no types
    def at(typing: Any, buffer: Any, dtype: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, values[0])
            return builder.bitcast(array.data, context.get_value_type(signature.return_type))

        return dtype.dtype(buffer, dtype), emit

    # Without annotations: numba compares the two signatures, and a lambda has none.
    @overload(row_of, inline="always")
    def _row_of(buffer, dtype):  # type: ignore[no-untyped-def]
        return lambda buffer, dtype: at(buffer, dtype)


def _teach_borrowed() -> None:
    """Tell numba of an array without owner: handing one with an owner down through small functions costs more than they do."""
    from numba.extending import intrinsic, overload

    @intrinsic  # type: ignore[untyped-decorator]
    def without_owner(typing: Any, rows: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, values[0])
            array.meminfo = array.meminfo.type(None)
            array.parent = array.parent.type(None)
            return array._getvalue()

        return rows(rows), emit

    @overload(borrowed, inline="always")
    def _borrowed(rows):  # type: ignore[no-untyped-def]
        return lambda rows: without_owner(rows)


_NUMBA: list[Any] = []


pointer_type("STEP", "void(f8[:], f8[:], BAR, INTENT)")


def _refusal(function: Callable[..., Any], said: str) -> str:
    """Say in which line of a function numba finds what it cannot compile."""
    code, plain = function.__code__, re.sub(r"\x1b\[[0-9;]*m", "", said)
    lines = [number for number in re.findall(r"line (\d+)", plain) if int(number) > code.co_firstlineno]
    where = f"line {lines[-1]} of {Path(code.co_filename).name}" if lines else Path(code.co_filename).name
    reason = next((line.strip() for line in plain.splitlines()[1:] if line.strip()), plain)
    return f"Expected {function.__name__} to compile, was refused ({where}): {reason} Write it with numbers alone."


def _point_to(dispatcher: Any) -> Any:
    """Make a pointer that knows its address: of a dispatcher numba asks it at every call, at ten times the cost of the call."""
    from numba.core import types

    made = dispatcher.overloads[dispatcher.signatures[0]]
    address = made.library.get_pointer_to_function(made.fndesc.llvm_cfunc_wrapper_name)

    class Pointer(types.WrapperAddressProtocol):
        _numba_type_ = types.FunctionType(made.signature)

        def __wrapper_address__(self) -> int:
            return int(address)

        def signature(self) -> Any:
            """Tell numba what it takes."""
            return made.signature

    return Pointer()


def _cache_dir() -> Path:
    """Keep machine code apart by the state of all source it may inline: numba itself looks only at one file."""
    root = Path(__file__).resolve().parent.parent
    stamp = 0
    for folder in ("core", "indicators", "strategies", "rules"):
        for file in sorted((root / folder).glob("*.py")):
            stat = file.stat()
            stamp = (stamp * 1_000_003 + stat.st_mtime_ns + stat.st_size) % (1 << 61)
    base = os.environ.get("SHIKRA_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "shikra" / "numba" / f"{stamp:016x}"
