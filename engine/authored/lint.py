"""Looks through a strategy's file for what slows a strategy down or reaches out of it: a word of warning each, never a refusal.

Only the text is read; nothing of it is run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from engine.authored.files import StrategyCode

MODULES = {
    "the network": (
        "aiohttp", "ftplib", "http", "httpx", "kiteconnect", "requests", "smtplib", "socket", "ssl", "urllib", "websocket", "websockets",
    ),
    "processes": ("multiprocessing", "pty", "subprocess"),
    "threads": ("_thread", "asyncio", "concurrent", "threading"),
    "files": ("dbm", "shelve", "shutil", "sqlite3", "tempfile"),
    "foreign code": ("cffi", "ctypes", "marshal", "pickle"),
}  # fmt: skip

CALLS = {
    "files": ("open", "os.mkdir", "os.open", "os.remove", "os.rename", "os.unlink"),
    "processes": ("os.fork", "os.popen", "os.posix_spawn", "os.system"),
    "foreign code": ("__import__", "eval", "exec"),
    "waiting": ("time.sleep", "sleep"),
}

METHODS = {
    "files": ("read_bytes", "read_csv", "read_parquet", "read_text", "to_csv", "to_parquet", "touch", "write_bytes", "write_text"),
}

ADVICE = {
    "the network": "an answer that is late stops the strategy after two seconds",
    "processes": "a strategy is refused any",
    "threads": "what a thread wishes for is taken with some later bar, or never",
    "files": "the disk may be slow, and what is read there is not in a backtest",
    "foreign code": "nobody can tell beforehand what it does",
    "waiting": "a callback that takes over two seconds stops the strategy",
}


def lint_of(code: StrategyCode | None) -> list[str]:
    """Return a sentence for each kind of thing worth a look, in order of its first line; nothing for a file that is no Python."""
    return [] if code is None else list(_findings(code))


@lru_cache(maxsize=64)
def _findings(code: StrategyCode) -> tuple[str, ...]:
    """Read one text once: what was looked through in a thread costs the loop nothing when the strategy is added."""
    try:
        tree = ast.parse(code.source)
    except (SyntaxError, ValueError):
        return ()
    found: dict[str, list[str]] = {}
    for line, what, name in sorted(set(_uses(tree))):
        found.setdefault(what, []).append(f"{name} in line {line}")
    return tuple(f"{code.path.name} uses {what} ({', '.join(places[:3])}): {ADVICE[what]}." for what, places in found.items())


def _uses(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield from _module(node.lineno, each.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from _module(node.lineno, node.module)
        elif isinstance(node, ast.Call):
            yield from _call(node)


def _module(line: int, name: str) -> Iterator[tuple[int, str, str]]:
    for what, modules in MODULES.items():
        if name.partition(".")[0] in modules:
            yield line, what, name


def _call(node: ast.Call) -> Iterator[tuple[int, str, str]]:
    name = ast.unparse(node.func)
    last = name.rpartition(".")[2]
    for what, calls in CALLS.items():
        if name in calls:
            yield node.lineno, what, name
    for what, methods in METHODS.items():
        if isinstance(node.func, ast.Attribute) and last in methods:
            yield node.lineno, what, last
