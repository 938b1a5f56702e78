"""What an answer means: only what is definite is taken as such, and each refusal says what to do."""

from __future__ import annotations

import json
import ssl
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.brokers.zerodha.outcome import Reply, error_of_exception, error_of_meaning, error_of_reply
from engine.core.errors import (
    AuthenticationError,
    BrokerError,
    ConnectionLost,
    NotPermitted,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
)


def error(status: int, error_type: str, message: str = "Something.") -> Reply:
    return Reply(status, json.dumps({"status": "error", "error_type": error_type, "message": message, "data": None}).encode())


def test_a_success_is_none() -> None:
    assert error_of_reply(Reply(200, b'{"status": "success", "data": {"order_id": "1"}}'), True) is None
    assert error_of_reply(Reply(200, b"a,b\n1,2", "text/csv"), False) is None


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (error(400, "InputException", "Invalid `price`."), OrderRejected, "Invalid `price`"),
        (error(400, "MarginException", "Need 500 more."), OrderRejected, "Not enough funds"),
        (error(400, "HoldingException", "Only 3."), OrderRejected, "Not enough holdings"),
        (error(400, "OrderException"), OrderRejected, "Something"),
        (error(428, "OrderException", "10 quantity needs authorisation at depository."), OrderRejected, "Authorise the sale"),
        (error(403, "TokenException", "Incorrect `api_key` or `access_token`."), AuthenticationError, "shikra login"),
        (error(403, "PermissionException"), NotPermitted, "app's permissions"),
        (error(403, "PermissionException", "IP not whitelisted"), NotPermitted, "static IP"),
        (error(400, "InputException", "Request from IP 1.2.3.4 is not allowed"), NotPermitted, "developer console"),
        (error(429, "NetworkException", "Too many requests"), RateLimited, "fewer requests"),
    ],
)
def test_a_definite_no_says_what_to_do(reply: Reply, kind: type[BrokerError], words: str) -> None:
    found = error_of_reply(reply, True)
    assert type(found) is kind
    assert words in str(found)


@pytest.mark.parametrize(
    "reply",
    [
        *(error(status, "GeneralException") for status in (400, 500, 502, 503, 504)),
        error(500, "OrderException"),
        error(503, "NetworkException"),
        error(502, "DataException"),
        error(400, "BrandNewException"),
        error(200, "InputException"),
        Reply(200, b"not json"),
        Reply(200, b'"text"'),
        Reply(200, b'{"status": "success", "data": '),
        Reply(200, b'{"data": {"order_id": "1"}}'),
        Reply(200, b"a,b\n1,2", "text/csv"),
        Reply(502, b"<html>Bad gateway</html>", "text/html"),
        Reply(429, b"<html>slow down</html>", "text/html"),
        *(Reply(status, b"") for status in (301, 302, 303, 307, 308, 204, 418)),
    ],
)
def test_everything_else_leaves_a_write_unknown(reply: Reply) -> None:
    assert type(error_of_reply(reply, True)) is OutcomeUnknown


@given(st.integers(100, 599), st.binary(max_size=60), st.sampled_from(["application/json", "text/html", "text/csv", ""]))
def test_no_junk_is_ever_a_definite_answer(status: int, body: bytes, kind: str) -> None:
    assert type(error_of_reply(Reply(status, body, kind), True)) is OutcomeUnknown


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (error(403, "PermissionException", "Insufficient permission for that call."), NotPermitted, "paid plan"),
        (error(403, "TokenException"), AuthenticationError, "log in again"),
        (error(400, "InputException", "interval exceeds max limit: 60 days"), BrokerError, "60 days"),
        (error(500, "GeneralException"), BrokerError, "try again"),
        (Reply(502, b"<html>", "text/html"), BrokerError, "no answer that can be read"),
        (Reply(429, b"<html>", "text/html"), RateLimited, "fewer"),
    ],
)
def test_a_question_never_leaves_anything_unknown(reply: Reply, kind: type[BrokerError], words: str) -> None:
    found = error_of_reply(reply, False)
    assert type(found) is kind
    assert words in str(found)


class NewConnectionError(Exception):
    """Named as the wire's own."""


class ConnectTimeout(Exception):
    """Named as the wire's own."""


class ReadTimeout(Exception):
    """Named as the wire's own."""


def wrapped(inner: BaseException) -> Exception:
    """Wrap as `requests` wraps what `urllib3` wrapped: as an argument with a reason."""
    middle = RuntimeError("Max retries exceeded with url: /session/token?access_token=SECRET")
    middle.reason = inner  # type: ignore[attr-defined]
    return OSError(middle)


@pytest.mark.parametrize("inner", [NewConnectionError(), ConnectTimeout(), ssl.SSLCertVerificationError("self-signed")])
def test_what_never_left_is_said_to_have_not(inner: Exception) -> None:
    found = error_of_exception(wrapped(inner), True)
    assert type(found) is ConnectionLost
    assert str(found).startswith("Not sent")


def test_what_speaks_no_tls_was_sent_nothing() -> None:
    inner = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    inner.reason = "WRONG_VERSION_NUMBER"
    assert type(error_of_exception(wrapped(inner), True)) is ConnectionLost


@pytest.mark.parametrize("failure", [ReadTimeout(), ConnectionResetError(), wrapped(ssl.SSLError(1, "bad record")), wrapped(ReadTimeout())])
def test_what_may_have_left_is_unknown(failure: Any) -> None:
    assert type(error_of_exception(failure, True)) is OutcomeUnknown
    assert type(error_of_exception(failure, False)) is ConnectionLost


@pytest.mark.parametrize("is_write", [True, False])
def test_no_text_of_an_exception_is_passed_on(is_write: bool) -> None:
    for inner in (NewConnectionError("SECRET"), ReadTimeout("SECRET"), ssl.SSLCertVerificationError("SECRET")):
        assert "SECRET" not in str(error_of_exception(wrapped(inner), is_write))
    assert "SECRET" not in str(error_of_meaning(KeyError("SECRET"), is_write))


def test_a_success_without_a_number_is_unknown() -> None:
    assert type(error_of_meaning(KeyError("order_id"), True)) is OutcomeUnknown
    assert type(error_of_meaning(TypeError(), False)) is BrokerError


def test_a_definite_no_is_a_rejection_also_when_it_is_a_missing_permission() -> None:
    assert issubclass(NotPermitted, OrderRejected)
