"""Tradebooks as the broker's console exports them, written by a test."""

from __future__ import annotations

from pathlib import Path

HEADER = "symbol,isin,trade_date,exchange,segment,series,trade_type,auction,quantity,price,trade_id,order_id,order_execution_time"


def row(
    trade: int,
    side: str = "buy",
    quantity: str = "10",
    price: str = "100.099998",
    *,
    symbol: str = "SBIN",
    order: str = "",
    day: str = "2025-06-02",
    time: str = "10:00:00",
    place: str = "NSE,EQ",
    isin: str = "INE062A01020",
) -> str:
    """Write one trade; its order is its own unless said."""
    return f"{symbol},{isin},{day},{place},EQ,{side},false,{quantity},{price},{trade},{order or f'O{trade}'},{day}T{time}"


def write(tmp_path: Path, *rows: str, name: str = "tradebook-AB1234-EQ.csv") -> Path:
    """Write a file of trades."""
    path = tmp_path / name
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path
