"""What Kite says no with: a type, a sentence and an HTTP status."""

from __future__ import annotations

from typing import Any

STATUS = {
    "InputException": 400,
    "MarginException": 400,
    "HoldingException": 400,
    "OrderException": 400,
    "TokenException": 403,
    "PermissionException": 403,
    "UserException": 403,
    "TwoFAException": 403,
    "NetworkException": 503,
    "DataException": 502,
    "GeneralException": 500,
}

NO_PROTECTION = "Market orders without market protection are not allowed via API. Please set market protection or use a Limit order."
BAD_SESSION = "Incorrect `api_key` or `access_token`."
NO_PERMISSION = "Insufficient permission for that call."
TOO_MANY = "Too many requests"


class KiteError(Exception):
    """A refusal, as the client will read it."""

    def __init__(self, error_type: str, message: str, status: int = 0, data: Any = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.status = status or STATUS.get(error_type, 500)
        self.data = data

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        return {"status": "error", "message": self.message, "data": self.data, "error_type": self.error_type}


def wrong_input(message: str) -> KiteError:
    """Refuse a parameter."""
    return KiteError("InputException", message)
