"""What happened, kept for later: a log file that turns over by size, and the same lines for the log panel.

Nothing secret is ever written: keys, tokens and passwords are struck out before any handler sees a line.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path

from engine.core.model import LogLine

MAX_BYTES = 2_000_000
KEPT_FILES = 5
FILE_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)-8s %(name)s: %(message)s"

_NAMES = (
    r"api[_-]?key|api[_-]?secret|access[_-]?token|refresh[_-]?token|request[_-]?token|public[_-]?token|enctoken|password|passwd|totp|pin"
)
_SECRETS = (
    re.compile(rf"(?i)((?:{_NAMES})[\"']?\s*[=:]\s*[\"']?)([^\s\"'&,;}}\)]+)"),
    re.compile(r"(?i)(authorization[\"']?\s*[=:]\s*[\"']?(?:token|bearer|basic)?\s*)([^\s\"',;}]+)"),
    re.compile(r"(?i)(\b(?:postgresql|postgres)(?:\+\w+)?://[^:/@\s]+:)([^@\s]+)(?=@)"),
)


def redact(text: str) -> str:
    """Strike out the values of keys, tokens, passwords and of the password in a database URL."""
    for pattern in _SECRETS:
        text = pattern.sub(r"\1***", text)
    return text


class _Redacting(logging.Formatter):
    """Writes a record, its traceback included, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class LineHandler(logging.Handler):
    """Hands each record as a LogLine to whoever shows it; `deliver` may be called from any thread."""

    def __init__(self, deliver: Callable[[LogLine], object], level: int = logging.INFO) -> None:
        super().__init__(level)
        self._deliver = deliver

    def emit(self, record: logging.LogRecord) -> None:
        """Deliver the record's first line; the traceback is in the file."""
        text = redact(record.getMessage())
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}: {redact(str(record.exc_info[1]) or type(record.exc_info[1]).__name__)}"
        self._deliver(LogLine(int(record.created * 1e9), record.levelname.lower(), source_of(record.name), text))


def source_of(name: str) -> str:
    """Shorten a logger's name for the panel: `engine.brokers.simulated.exchange` reads `simulated`."""
    parts = [part for part in name.split(".") if part not in ("engine", "terminal", "widgets", "brokers", "core", "__main__")]
    return parts[0] if parts else "terminal"


def start_logging(folder: Path, level: str = "info") -> RotatingFileHandler:
    """Write the log into `folder`/shikra.log, readable by its owner only; returns the handler to stop it with."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "shikra.log"
    path.touch(mode=0o600)
    handler = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8", delay=True)
    handler.setFormatter(_Redacting(FILE_FORMAT, "%Y-%m-%d %H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in ("qasync", "asyncio", "alembic", "sqlalchemy", "numba", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return handler


def stop_logging(handler: logging.Handler) -> None:
    """Take a handler away and close what it holds."""
    logging.getLogger().removeHandler(handler)
    handler.close()
