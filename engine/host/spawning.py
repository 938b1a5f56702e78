"""Starts and ends a strategy's process: spawned afresh, in a session of its own, with one socket and nothing else of ours.

Ending it ends whatever it may have started, too.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TypeAlias

from engine.host.limits import kept_environment

Process: TypeAlias = "subprocess.Popen[bytes]"


def spawn() -> tuple[Process, socket.socket]:
    """Start a strategy's process; returns it, and our end of the line to it. Raises OSError when the system starts no more."""
    ours, theirs = socket.socketpair()
    try:
        return _start(theirs), ours
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()


def _start(theirs: socket.socket) -> Process:
    # -P: whatever lies in the folder that the terminal was started from is not what it imports.
    words = [sys.executable, "-P", "-m", "engine.host"]
    environment = kept_environment(os.environ)
    nowhere = subprocess.DEVNULL
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        made = subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, creationflags=flags)
        assert made.stdin is not None
        made.stdin.write(theirs.share(made.pid))
        made.stdin.close()
        return made
    kept = theirs.fileno()
    return subprocess.Popen(
        [*words, str(kept)], env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere, pass_fds=(kept,), start_new_session=True
    )


def kill(process: Process) -> None:
    """End it and all of its group at once; one that has ended already is no matter, as long as nobody has waited for it."""
    if sys.platform == "win32":
        process.kill()
    elif process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def has_ended(process: Process) -> bool:
    """Tell whether it has ended, without waiting for it: its group can still be killed."""
    if sys.platform == "win32" or process.returncode is not None:
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def how_it_ended(code: int | None) -> str:
    """Say in words how a process ended by itself."""
    if code is None:
        return "closed its line"
    if code >= 0:
        return f"ended by itself with exit code {code}"
    name = signal.Signals(-code).name if -code in {each.value for each in signal.Signals} else f"signal {-code}"
    return {"SIGXCPU": "used more processor time than it may", "SIGSEGV": "crashed (SIGSEGV)"}.get(name, f"was ended by {name}")
