"""Knows how the world writes prices: which column means what, and which instrument a file is about when it does not say.

Kite, vnpy, NSE's bhavcopies and LEAN are told apart by their columns alone; a new layout is a few names more in the tables here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.core.errors import UnknownSymbol, UserError, did_you_mean
from engine.history.source import Source

TIME = ("ts", "timestamp", "datetime", "date_time", "time", "date", "date1", "time_ist")
SYMBOL = ("symbol", "tradingsymbol", "trading_symbol", "vt_symbol", "ticker", "instrument_name")
EXCHANGE = ("exchange",)
SERIES = ("series",)
BAR_COLUMNS = {
    "open": ("open", "open_price"),
    "high": ("high", "high_price", "hi_price"),
    "low": ("low", "low_price", "lo_price"),
    "close": ("close", "close_price"),
}
VOLUME = ("volume", "ttl_trd_qnty", "trd_qty", "vol", "volume_traded")
OI = ("oi", "open_interest", "open_int", "openinterest")
LAST_PRICE = ("ltp", "last_price", "last_traded_price")

SHARES = frozenset({"EQ", "BE", "BZ", "SM", "ST"})
"""Series of a bhavcopy in which shares trade; the rest are bonds and the like."""

ALIASES = {"NIFTY50": "NIFTY 50", "NIFTY": "NIFTY 50", "NIFTYBANK": "NIFTY BANK", "BANKNIFTY": "NIFTY BANK", "BNF": "NIFTY BANK"}
"""How files call an index."""

_DERIVATIVE = re.compile(r"\d(CE|PE|FUT)$|\d[A-Z]{3}FUT$")
_NOISE = re.compile(
    r"(?i)^(kite|ltp|full|quote|depth\d*|nse|nfo|bse|eq|idx|chart|ticks?|bars?|candles?|history|historical|equity|index|futures|options|flow|trade|data|"
    r"daily|day|minute|min|hour|week|\d+(s|sec|m|min|minute|h|hour|d|days?|w|y|years?)?|\d{4}-\d{2}-\d{2}|\d{2}-\d{2}-\d{4})$"
)


def column(source: Source, names: Iterable[str]) -> Any | None:
    """Return the first of these columns that the file has, or None."""
    return next((source.columns[name] for name in names if name in source.columns), None)


def has_bars(source: Source) -> bool:
    """Tell whether the file has open, high, low and close."""
    return all(column(source, names) is not None for names in BAR_COLUMNS.values())


def has_ticks(source: Source) -> bool:
    """Tell whether the file has last prices with their times, and no bars."""
    return not has_bars(source) and column(source, LAST_PRICE) is not None and column(source, TIME) is not None


def is_lean(source: Source) -> bool:
    """Tell whether these are LEAN's minutes: six columns without names, the day in the file's name."""
    return not source.has_header and len(source.columns) == 6 and re.search(r"\d{8}_", source.path.name) is not None


def name_columns(source: Source) -> None:
    """Name the columns of a file without a header by their number: time and price, or time and bar (and volume, and open interest)."""
    names = {2: ("time", "ltp"), 5: ("time", "open", "high", "low", "close")}
    names[6] = (*names[5], "volume")
    names[7] = (*names[6], "oi")
    if source.has_header or is_lean(source):
        return
    if len(source.columns) not in names:
        raise UserError(
            f"Expected a first line with the columns' names in {source.path}, was none; begin it with date,open,high,low,close,volume."
        )
    source.columns = dict(zip(names[len(source.columns)], source.columns.values(), strict=True))
    source.has_header = True


def what_is_missing(source: Source) -> str:
    """Return one sentence for a file that is neither bars nor ticks."""
    columns = set(source.columns)
    if {"trade_id", "order_execution_time"} <= columns:
        return f"Expected bars or ticks in {source.path}, was a tradebook: it tells your trades, not the market's; take it with import."
    if has_ticks(source):
        return f"Expected bars in {source.path}, was ticks: import them as what they are."
    known = [*(names[0] for names in BAR_COLUMNS.values())]
    shown = ", ".join(list(source.columns)[:8])
    return f"Expected the columns date, {', '.join(known)} and volume (or time and ltp) in {source.path}, was {shown}."


def symbol_of_file(path: Path) -> str:
    """Return the symbol that a file's name tells, "" when it tells none: RELIANCE_1min_60days.csv.gz is of RELIANCE."""
    stem = path.name
    while (cut := re.sub(r"(?i)\.(csv|gz|zip|parquet|txt|pq)$", "", stem)) != stem:
        stem = cut
    # LEAN keeps 20190709_trade.zip in a folder named after the symbol.
    parts = stem.split("_") if not re.match(r"^\d{8}_(trade|quote)$", stem) else [path.parent.name]
    named = [part.upper() for part in parts if part and not _NOISE.match(part)]
    return ALIASES.get(named[0], named[0]) if named else ""


def key_of(symbol: str, exchange: str = "") -> str:
    """Return `EXCHANGE:SYMBOL` of a symbol as a file writes it: RELIANCE.NSE, RELIANCE-EQ, NSE:RELIANCE, NIFTY25DECFUT."""
    symbol = symbol.strip().upper()
    before, colon, after = symbol.partition(":")
    if colon:
        return f"{before}:{after}"
    base, dot, place = symbol.rpartition(".")
    if dot and place in ("NSE", "BSE", "NFO", "BFO", "MCX", "CDS"):
        return f"{place}:{base}"
    if exchange:
        return f"{exchange.strip().upper()}:{symbol}"
    return f"NFO:{symbol}" if _DERIVATIVE.search(symbol) else f"NSE:{symbol.removesuffix('-EQ')}"


def choose(wanted: Iterable[str] | None, found: Iterable[str], source: Path) -> set[str]:
    """Return which of the keys found are wanted (None: all); raises UnknownSymbol for one that is not there."""
    keys = set(found)
    if wanted is None:
        return keys
    chosen: set[str] = set()
    for text in wanted:
        name = text.strip().upper()
        hits = {key for key in keys if key == name or (":" not in name and key.partition(":")[2] == name)}
        if not hits:
            symbols = [key.partition(":")[2] for key in keys]
            near = [symbol for symbol in symbols if len(symbols) <= 20 or symbol[:1] == name.rpartition(":")[2][:1]]
            hint = did_you_mean(name.rpartition(":")[2], near)
            raise UnknownSymbol(f'Unknown symbol "{text}" in {source.name}{hint[:200]}')
        chosen |= hits
    return chosen
