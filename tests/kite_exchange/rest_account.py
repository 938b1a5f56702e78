"""Login, profile, margins, positions, holdings over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.kite_exchange.calls import Answer, Call, route
from tests.kite_exchange.errors import BAD_SESSION, KiteError, wrong_input
from tests.kite_exchange.exchange import Exchange

EXCHANGES = ["NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX"]
PRODUCTS = ["CNC", "NRML", "MIS", "MTF"]
ORDER_TYPES = ["MARKET", "LIMIT", "SL", "SL-M"]


def profile_of(exchange: Exchange) -> dict[str, Any]:
    """Return who the account belongs to."""
    return {
        "user_id": exchange.options.user_id,
        "user_type": "individual",
        "email": "trader@example.com",
        "user_name": "Test Trader",
        "user_shortname": "Test",
        "broker": "ZERODHA",
        "exchanges": EXCHANGES,
        "products": PRODUCTS,
        "order_types": ORDER_TYPES,
        "avatar_url": None,
        "meta": {"demat_consent": "consent"},
    }


@route("GET", "/connect/login", needs_session=False)
def login(exchange: Exchange, call: Call) -> Answer:
    """Stand in for the login page: redirect at once, as after a password and a TOTP."""
    if call.query.get("api_key") != exchange.options.api_key:
        raise wrong_input("Invalid `api_key`.")
    facts = {"action": "login", "type": "login", "status": exchange.login_answer}
    if exchange.login_answer == "success":
        facts["request_token"] = exchange.sessions.request_token()
    facts |= dict(parse_qsl(call.query.get("redirect_params", "")))
    target = exchange.redirect_url or f"http://{call.headers['Host']}/connect/finish"
    return Answer(302, b"", "text/html", {"Location": f"{target}{'&' if '?' in target else '?'}{urlencode(facts)}"})


@route("GET", "/connect/finish", needs_session=False)
def finish(exchange: Exchange, call: Call) -> Answer:
    """Show the request token when no redirect URL is registered."""
    return Answer(200, f"<html><body>{call.query.get('request_token', call.query.get('status', ''))}</body></html>".encode(), "text/html")


@route("POST", "/session/token", needs_session=False)
def open_session(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Turn a request token into an access token."""
    form = call.form
    session = exchange.sessions.exchange(form.get("api_key", ""), form.get("request_token", ""), form.get("checksum", ""))
    return {
        **profile_of(exchange),
        "api_key": exchange.options.api_key,
        "access_token": session.token,
        "public_token": f"P{session.token[:31]}",
        "enctoken": "",
        "refresh_token": "",
        "silo": "",
        "login_time": session.login_time,
    }


@route("POST", "/session/refresh_token", needs_session=False)
def refresh_session(exchange: Exchange, call: Call) -> None:
    """Refuse: no refresh token is ever given to a retail account."""
    raise KiteError("TokenException", "Token is invalid or has expired.")


@route("DELETE", "/session/token", needs_session=False)
def close_session(exchange: Exchange, call: Call) -> bool:
    """Log out."""
    token = call.query.get("access_token", "")
    if not exchange.sessions.is_good(call.query.get("api_key", ""), token):
        raise KiteError("TokenException", BAD_SESSION)
    exchange.end_session(token)
    return True


@route("GET", "/user/profile")
def profile(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Say who is logged in."""
    return profile_of(exchange)


@route("GET", "/user/margins")
def margins(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Show both purses."""
    return exchange.account.margins()


@route("GET", "/user/margins/{segment}")
def margins_of_segment(exchange: Exchange, call: Call) -> Any:
    """Show one purse."""
    found = exchange.account.margins().get(call.values["segment"])
    if found is None:
        raise wrong_input("Invalid segment.")
    return found


@route("GET", "/portfolio/positions")
def positions(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Show the positions, carried and dealt today."""
    last = exchange.board.last
    held = list(exchange.account.positions.values())
    return {
        "net": [one.row(int(last[one.listing.row])) for one in held],
        "day": [one.row(int(last[one.listing.row]), is_day=True) for one in held if one.day_bought or one.day_sold],
    }


@route("PUT", "/portfolio/positions")
def convert(exchange: Exchange, call: Call) -> bool:
    """Move a position to another product."""
    return exchange.account.convert(call.form)


@route("GET", "/portfolio/holdings")
def holdings(exchange: Exchange, call: Call) -> list[dict[str, Any]]:
    """Show the demat account."""
    board, day = exchange.board, exchange.clock.today().isoformat()
    return [one.row(int(board.last[one.listing.row]), int(board.close[one.listing.row]), day) for one in exchange.account.holdings.values()]


@route("GET", "/portfolio/holdings/auctions")
def auctions(exchange: Exchange, call: Call) -> list[dict[str, Any]]:
    """Show what may be offered in an auction: nothing."""
    return []
