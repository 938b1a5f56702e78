"""What the REST API works on: the desk, as far as an API may see it."""

from __future__ import annotations

from typing import Any, Protocol

from terminal.actions import Context


class Backend(Context, Protocol):
    """The desk whose API this is."""

    @property
    def actions(self) -> Any:
        """The one door that every action goes through."""
        ...

    @property
    def is_armed(self) -> bool:
        """Tell whether real money may be traded through the API."""
        ...
