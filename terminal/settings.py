"""The trader's settings and where everything of theirs lies: one folder, one readable TOML file in it.

The file is written whole or not at all, and only when something was changed; a file that cannot be read is never overwritten unasked.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.core.errors import InvalidOption, UserError, did_you_mean
from engine.core.options import parse
from engine.folders import home_folder
from terminal.options import OPTIONS, sections

FILE_NAME = "settings.toml"


def data_folder(given: str | Path | None = None) -> Path:
    """Return where everything is kept: as given, else SHIKRA_HOME, else where the operating system keeps an application's data."""
    return Path(given).expanduser().resolve() if given else home_folder()


def make_folder(folder: Path) -> Path:
    """Make the folder for its owner only; raises UserError when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UserError(
            f"Expected a data folder that can be written, was {folder} ({error.strerror}); give another with --data-dir."
        ) from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"Expected a data folder that can be written, was {folder}; give another with --data-dir.")
    return folder


class Settings:
    """All settings, parsed; reading an unknown one is a mistake of ours and raises KeyError."""

    def __init__(self, path: Path | None = None, given: Mapping[str, object] | None = None) -> None:
        """`path` is where changes are saved (None: nowhere); `given` is what differs from the defaults."""
        self.path = path
        self._values = parse(OPTIONS, given or {}, "the settings")

    @classmethod
    def load(cls, folder: Path) -> Settings:
        """Read `folder`/settings.toml, or the defaults when there is none; raises InvalidOption with what was expected and where."""
        path = folder / FILE_NAME
        return cls(path, _read(path)) if path.is_file() else cls(path)

    def __getitem__(self, name: str) -> Any:
        """Return one setting."""
        return self._values[name]

    def values(self) -> dict[str, Any]:
        """Return all settings by name."""
        return dict(self._values)

    def change(self, **changes: object) -> dict[str, Any]:
        """Check and save; returns what really changed. Nothing changes when one of them is refused (InvalidOption)."""
        fresh = parse(OPTIONS, self._values | changes, "the settings")
        changed = {name: value for name, value in fresh.items() if value != self._values[name]}
        if changed:
            self._values = fresh
            self.save()
        return changed

    def save(self) -> None:
        """Write the file, whole or not at all."""
        if self.path is not None:
            write_whole(self.path, to_toml(self._values))


def _read(path: Path) -> dict[str, object]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise InvalidOption(f"Expected readable settings in {path}, was: {error}; mend the line or move the file away.") from error
    flat: dict[str, object] = {}
    known = sections()
    for section, table in tables.items():
        if section not in known or not isinstance(table, dict):
            raise InvalidOption(f'Unknown "{section}" in {path}{did_you_mean(section, known)}')
        flat.update(table)
    return flat


def to_toml(values: Mapping[str, Any]) -> str:
    """Write settings as TOML, each under a comment that says what it is and what may be given."""
    lines: list[str] = []
    for section, options in sections().items():
        lines.append(f"[{section}]")
        for option in options:
            lines += [f"# {option.explain}: {option.expected}", f"{option.name} = {_toml(values[option.name])}"]
        lines.append("")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(part) for part in value)}]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char >= " " else f"\\u{ord(char):04x}" for char in text) + '"'


def write_whole(path: Path, text: str) -> None:
    """Replace a file by a temporary one beside it, so that a crash leaves the old or the new, never half."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
