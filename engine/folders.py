"""Where everything is kept on this machine, unless somebody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path


def home_folder() -> Path:
    """Return where everything is kept: SHIKRA_HOME, else where the operating system keeps an application's data."""
    chosen = os.environ.get("SHIKRA_HOME")
    if chosen:
        return Path(chosen).expanduser().resolve()
    from platformdirs import user_data_path

    return user_data_path("shikra", appauthor=False)
