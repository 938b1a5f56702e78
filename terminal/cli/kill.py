"""Stops every send of a running terminal from outside: a file that each send looks at, written and on the disk before this returns.

It works while the window hangs; trading goes on only when it is resumed by hand in the risk panel.
"""

from __future__ import annotations

import argparse
import json

from engine.core.errors import UserError
from engine.kill_latch import KillLatch
from terminal.settings import data_folder, make_folder

FILE_NAME = "kill.latch"


def kill(arguments: argparse.Namespace) -> int:
    """Write the latch file and tell where it lies."""
    path = make_folder(data_folder(arguments.data_dir)) / FILE_NAME
    try:
        KillLatch(path).set("by the command line")
    except OSError as error:
        raise UserError(f"Expected a latch file that can be written, was {path} ({error.strerror}); close the terminal instead.") from error
    if arguments.json:
        print(json.dumps({"latched": str(path)}))
    else:
        print(f"Latched: nothing more is sent. Orders that stand at the broker stay there. Resume in the risk panel, or remove {path}.")
    return 0
