"""What a strategy's process may use: a scrubbed environment, and so much processor time, memory and files as a strategy needs.

Where the system has no such limits (Windows), the watchdog outside still ends a process that does not answer.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USERPROFILE", "LOCALAPPDATA", "APPDATA")
KEPT_PREFIXES = ("LC_", "PYTHON", "NUMBA_", "SHIKRA_CACHE", "COVERAGE")
"""What of the environment a strategy gets to see."""

OWN_VARIABLES = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}

ROOT = Path(__file__).resolve().parents[2]

LOOK_S = 1.0
"""How often a strategy's process looks whether the terminal lives."""

NO_PROCESSES = frozenset(
    {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "pty.spawn", "subprocess.Popen"}
)
"""Audit events of starting a process."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a strategy's process may take."""

    slow_s: float = 0.25
    """A callback that takes longer is told of."""
    stop_s: float = 2.0
    """A callback that takes longer ends the strategy."""
    load_s: float = 20.0
    start_s: float = 20.0
    """So long reading the file, and one symbol's beginning, may take: nothing trades yet, and imports are slow."""
    memory_bytes: int = 2 << 30
    cpu_s: int = 30
    """Processor time of one question; it ends a process that nobody is left to watch."""
    open_files: int = 64
    file_bytes: int = 64 << 20
    processes: int = 4096
    """Of this user, all in all; a last wall behind the refusal to start any."""


LIMITS = Limits()


def kept_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment a strategy gets to see: no keys, no tokens, no proxies, no way to the keyring."""
    kept = {n: v for n, v in environment.items() if n.upper() in KEPT_VARIABLES or n.upper().startswith(KEPT_PREFIXES)}
    path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
    return kept | OWN_VARIABLES | {"PYTHONPATH": path}


def apply(limits: Limits) -> None:
    """Bind this process to its limits, for good, and refuse it processes of its own."""
    if sys.platform != "win32":
        import resource

        asked = {
            resource.RLIMIT_AS: limits.memory_bytes,
            resource.RLIMIT_NOFILE: limits.open_files,
            resource.RLIMIT_FSIZE: limits.file_bytes,
            resource.RLIMIT_NPROC: limits.processes,
            resource.RLIMIT_CORE: 0,
        }
        for what, most in asked.items():
            with suppress(ValueError, OSError):  # a system that lacks one, or a stricter one that stands already
                resource.setrlimit(what, (most, most))
    sys.addaudithook(_refuse_processes)


def renew_processor_time(limits: Limits) -> None:
    """Give the next question its processor time."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + limits.cpu_s + 1, hard))


def leave_with(parent: int, look_s: float = LOOK_S, leave: Callable[[int], object] = os._exit) -> None:
    """Watch in a thread of its own that the terminal lives, and leave when it does not, whatever the strategy is at."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(look_s)
        leave(0)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _refuse_processes(event: str, args: tuple[Any, ...]) -> None:
    if event in NO_PROCESSES:
        raise PermissionError(f"a strategy starts no processes ({event}); let a script of its own do that")
