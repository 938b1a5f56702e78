"""How an exchange is set up: every option is one field here, one flag on the command line and one keyword of `start_exchange`."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(slots=True)
class Options:
    """What one exchange is made of; money in rupees, times in seconds of the exchange's own clock."""

    port: int = 0  # 0 = any free one; HTTP and websocket share it
    control_port: int = 0
    api_key: str = "shikratestkey000"
    api_secret: str = "shikratestsecret0123456789abcdef"
    user_id: str = "AB1234"
    redirect_url: str = ""  # registered for the login; empty = a page of the exchange's own
    now: str = ""  # IST; "real" = the machine's clock; empty = the first trade of a replay, else 2026-11-23 10:00:00
    scale: float = 1.0  # exchange seconds in a real second; 0 = stands still until `advance`
    seed: int = 1
    instruments: int = 200  # rows of the dump; the known ones first, then generated shares
    market: str = "still"  # still = prices move by control only; walk = random, seeded; replay = a file
    ticks_per_second: float = 1.0  # how often each instrument moves, on average, in `walk`
    waves: int = 1  # in which the instruments of a `walk` move, one after another
    moving: int = 0  # how many instruments of the dump move in a `walk`; 0 = all
    replay: str = ""  # Parquet or CSV of bars or ticks (see replay.py)
    replay_ticks: int = 4  # ticks made of a bar: 4 = open, low/high, high/low, close; 1 = close only
    spread_ticks: int = 1  # best ask minus best bid; 0 = both at the last price
    depth_quantity: int = 1_000_000  # offered at each of the five levels
    funds: float = 1_000_000.0
    rate_limits: bool = True
    sessions_expire: bool = True  # at 06:00; False lets a replay of many days go on under one login
    data_plan: bool = True  # False = the free plan: no quotes, no history, no websocket
    ip_registered: bool = True
    hours: bool = False  # True = the market keeps its hours: orders outside are refused, AMOs go at the opening, the rest ends at the close
    holidays: str = "2026-11-24,2026-12-25"  # days without a market, as dates with commas
    margin_refusal: str = "http"  # http = MarginException; order_book = accepted, then REJECTED
    circuit_refusal: str = "order_book"
    autoslice_shape: str = "parent"  # parent = {order_id, children}; flat = a list of the children
    protected_as: str = "LIMIT"  # what the order book says of a protected market order; LIMIT or MARKET
    partial_update: str = "UPDATE"  # status in the update of a partial fill or a modification; UPDATE or OPEN
    warts: bool = False  # a cancelled row keeps its pending quantity, as Kite's do
    order_latency: float = 0.0  # from acceptance to the exchange, and of a change or cancel; 0 = at once
    heartbeat: float = 2.0
    default_mode: str = "quote"  # what a bare subscribe gives
    packets_per_frame: int = 500
    certificate: str = ""  # a PEM file with key and certificate: HTTPS and WSS
    until_eof: bool = False  # end when standard input is closed

    def changed(self, **changes: Any) -> Options:
        """Return a copy with some options changed.

        Raises:
            ValueError: no such option.
        """
        known = asdict(self)
        unknown = set(changes) - set(known)
        if unknown:
            raise ValueError(f"no such option: {sorted(unknown)}; there are {sorted(known)}")
        return Options(**{**known, **changes})


def parse_options(arguments: list[str]) -> Options:
    """Read the options from a command line, `--api-key K`; a yes-or-no option is `--hours` or `--no-hours`."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.kite_exchange", description="An exchange that speaks Kite Connect v3 on loopback."
    )
    for field in fields(Options):
        flag = "--" + field.name.replace("_", "-")
        if isinstance(field.default, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=field.default)
        else:
            parser.add_argument(flag, type=type(field.default), default=field.default)
    options = Options(**vars(parser.parse_args(arguments)))
    if options.replay and options.market == "still":
        options.market = "replay"
    return options


def to_arguments(options: dict[str, Any]) -> list[str]:
    """Turn keywords into the command line that `parse_options` reads."""
    arguments = []
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            arguments.append(f"--{flag}={value}")
    return arguments
