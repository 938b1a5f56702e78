"""Finds a strategy: one of the terminal's by its name, or one of your own by the path of its file.

A file holds either a compiled template (STATE, PARAMS, @strategy over @compiled, as the terminal's own are written), or one class
derived from Strategy. It is read anew when it has changed, and only from where nobody else can write. What is wrong with it is told
with its line, never as a traceback.
"""

from __future__ import annotations

import hashlib
import stat as modes
import sys
import traceback
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from threading import Lock
from types import ModuleType

import numpy as np

from engine.authored.classes import Strategy, parameters_of
from engine.core.errors import UnknownTemplate, UserError, did_you_mean
from engine.core.records import fields
from engine.core.registry import INDICATORS, TEMPLATES, Template
from engine.core.script import on_bar as wants_nothing

_PREFIX = "strategy_file_"

_KNOWN: dict[Path, tuple[bytes, Template]] = {}
_READING = Lock()


@dataclass(frozen=True, slots=True)
class StrategyCode:
    """The file of a strategy as it was read: what runs is what was looked at."""

    path: Path
    source: bytes

    @property
    def sha256(self) -> str:
        """The fingerprint of the text, which a changed file has not."""
        return hashlib.sha256(self.source).hexdigest()


def is_file_name(text: str) -> bool:
    """Tell a path from the name of one of the terminal's own templates."""
    return text.endswith(".py") or "/" in text or "\\" in text


def code_of(text: str) -> StrategyCode:
    """Read the file at that path; raises UnknownTemplate when there is none, and UserError where others could have written it."""
    path = Path(text).expanduser().resolve()
    if not path.is_file():
        near = did_you_mean(path.name, [each.name for each in path.parent.glob("*.py")]) if path.parent.is_dir() else "; check the path."
        raise UnknownTemplate(f"There is no strategy file {text}{near}")
    for each in (path.parent, path):
        if sys.platform != "win32" and each.stat().st_mode & modes.S_IWOTH:
            raise UserError(f"Expected strategies where only you can write, was {each}, where everybody can; run chmod o-w {each}.")
    return StrategyCode(path, path.read_bytes())


def template_of(text: str) -> Template:
    """Return the template of that name, or of the .py file at that path.

    Raises UnknownTemplate for an unknown name or file, and UserError for a file without a strategy, with several, or with a mistake
    in it (with its line).
    """
    if not is_file_name(text):
        return TEMPLATES.get(text)
    code = code_of(text)
    with _READING:
        known = _KNOWN.get(code.path)
        if known is None or known[0] != code.source:
            known = _KNOWN[code.path] = (code.source, template_of_source(code.path, code.source))
        return known[1]


def read_anew(template: Template) -> Template:
    """Return the template as its file gives it when run once more, with nothing left over from before; the terminal's own as it is."""
    module = sys.modules.get(template.on_bar.__module__ if template.plain is None else template.plain.__module__)
    is_file = module is not None and module.__name__.startswith(_PREFIX) and module.__file__ is not None
    if module is None or not is_file:
        return template
    path = Path(str(module.__file__))
    return template_of_source(path, path.read_bytes())


def template_of_source(path: Path, source: bytes) -> Template:
    """Run what was read from a file and return the one strategy that it holds; raises UserError as `template_of` does."""
    with TEMPLATES.aside() as templates, INDICATORS.aside():
        module = _run(path, source)
    classes = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__ and not _is_base(value, module)
    ]
    names = [*templates, *(each.__name__ for each in classes)]
    if len(names) > 1:
        raise UserError(f"Expected one strategy in {path.name}, was {len(names)} ({', '.join(names)}); put each in a file of its own.")
    if not names:
        raise UserError(f"Expected a strategy in {path.name}, was none; write a class derived from Strategy, or @strategy over on_bar.")
    return next(iter(templates.values())) if templates else template_of_class(classes[0])


def template_of_class(cls: type[Strategy]) -> Template:
    """Describe a plain-Python strategy as a template; raises UserError when it lacks `on_bar` or has an `__init__` of its own."""
    if cls.on_bar is Strategy.on_bar:
        raise UserError(f"Expected {cls.__name__} to have on_bar(self, bar), was without; write it.")
    if cls.__init__ is not Strategy.__init__:
        raise UserError(f"Expected {cls.__name__} to begin in on_start(self), was an __init__ of its own; rename it to on_start.")
    taken = next((name for name in parameters_of(cls) if hasattr(Strategy, name) or name in Strategy.__annotations__), None)
    if taken is not None:
        raise UserError(f"Expected a parameter of {cls.__name__} not to be called {taken}, which every strategy has; rename it.")
    declared = tuple(parameter.declared() for parameter in parameters_of(cls).values())
    # A plain layout, not a record: Python may call a parameter what NumPy calls its own.
    params = np.dtype([(parameter.name, "f8") for parameter in declared])
    title = (cls.__doc__ or cls.__name__).strip().splitlines()[0].rstrip(".")
    name = cls.__module__.rpartition(".")[2]
    return Template(name, title, declared, fields("seen", "next"), params, wants_nothing, plain=cls)


def _run(path: Path, source: bytes) -> ModuleType:
    """Import the file under a name of its own, which stays the same in every process: machine code kept on disk asks for it."""
    name = f"{_PREFIX}{hashlib.sha256(str(path).encode()).hexdigest()[:12]}.{path.stem}"
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        # Not by the loader's cache of byte code, which tells files apart by whole seconds only.
        exec(compile(source, str(path), "exec"), module.__dict__)
    except SyntaxError as error:
        del sys.modules[name]
        raise UserError(f"Expected Python in {path.name}, was a mistake in line {error.lineno}: {error.msg}; mend it.") from None
    except Exception as error:  # a user's file may raise anything while it is read
        del sys.modules[name]
        raise UserError(f"{path.name} cannot be read: {where(error, path)}.") from error
    return module


def where(error: BaseException, path: Path) -> str:
    """Say what was raised, and in which line of the user's file."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    text = str(error).rstrip(".")
    what = text if isinstance(error, UserError) else f"{type(error).__name__}: {text}"
    return f"{what} (line {lines[-1]} of {path.name})" if lines else what


def _is_base(cls: type, module: ModuleType) -> bool:
    """Tell whether another class of the file is derived from this one."""
    return any(isinstance(value, type) and value is not cls and issubclass(value, cls) for value in vars(module).values())
