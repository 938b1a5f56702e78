"""The board as Kite's binary frames: big-endian, a length before each packet, all packets of a frame counted in front."""

from __future__ import annotations

import numpy as np

from tests.kite_exchange.board import Board, Ints

HEARTBEAT = b"\x00"
_LEVEL = np.dtype([("quantity", ">u4"), ("price", ">u4"), ("orders", ">u2"), ("pad", ">u2")])
_LTP = [("length", ">u2"), ("token", ">u4"), ("last", ">u4")]
_INDEX = [*_LTP, ("high", ">u4"), ("low", ">u4"), ("open", ">u4"), ("close", ">u4"), ("change", ">u4")]
_QUOTE = [
    *_LTP, ("last_quantity", ">u4"), ("average", ">u4"), ("volume", ">u4"), ("buy", ">u4"), ("sell", ">u4"),
    ("open", ">u4"), ("high", ">u4"), ("low", ">u4"), ("close", ">u4"),
]  # fmt: skip
LTP = np.dtype(_LTP)
INDEX_QUOTE = np.dtype(_INDEX)
INDEX_FULL = np.dtype([*_INDEX, ("exchange_time", ">u4")])
QUOTE = np.dtype(_QUOTE)
FULL = np.dtype(
    [
        *_QUOTE,
        ("trade_time", ">u4"),
        ("oi", ">u4"),
        ("oi_high", ">u4"),
        ("oi_low", ">u4"),
        ("exchange_time", ">u4"),
        ("depth", _LEVEL, (10,)),
    ]
)
assert [one.itemsize - 2 for one in (LTP, INDEX_QUOTE, INDEX_FULL, QUOTE, FULL)] == [8, 28, 32, 44, 184]


class Packer:
    """Makes frames of a board. A price is sent in paise, but with 7 decimals on CDS and 4 on BCD and NCO."""

    def __init__(self, board: Board) -> None:
        self.board = board
        segment = board.token & 0xFF
        self._multiply = np.where(segment == 3, 1000, 1)
        self._divide = np.where(np.isin(segment, (3, 6, 12)), 1, 100)

    def frames(self, rows: Ints, mode: str, most: int) -> list[bytes]:
        """Return the frames for these rows in a mode, at most `most` packets in each."""
        indices = self.board.is_index[rows]
        frames = []
        for group, is_index in ((rows[indices], True), (rows[~indices], False)):
            for start in range(0, len(group), most):
                part = group[start : start + most]
                frames.append(len(part).to_bytes(2, "big") + self.packets(part, mode, is_index).tobytes())
        return frames

    def packets(self, rows: Ints, mode: str, is_index: bool) -> np.ndarray:
        """Return the packets of these rows, each with its length in front."""
        if mode == "ltp":
            kind = LTP
        elif is_index:
            kind = INDEX_FULL if mode == "full" else INDEX_QUOTE
        else:
            kind = FULL if mode == "full" else QUOTE
        board = self.board
        out = np.zeros(len(rows), kind)
        out["length"] = kind.itemsize - 2
        out["token"] = board.token[rows]
        out["last"] = self._wire(rows, board.last[rows])
        if mode == "ltp":
            return out
        for name in ("open", "high", "low", "close"):
            out[name] = self._wire(rows, getattr(board, name)[rows])
        if is_index:
            out["change"] = self._wire(rows, abs(board.last[rows] - board.close[rows]))
        else:
            self._quantities(out, rows)
        if mode == "full":
            out["exchange_time"] = board.exchange_time[rows]
            if not is_index:
                self._full(out, rows)
        return out

    def _wire(self, rows: Ints, prices: Ints) -> Ints:
        return prices * self._multiply[rows] // self._divide[rows]

    def _quantities(self, out: np.ndarray, rows: Ints) -> None:
        board = self.board
        out["last_quantity"] = board.last_quantity[rows]
        out["average"] = self._wire(rows, board.average(rows))
        out["volume"] = board.volume[rows] & 0xFFFF_FFFF
        out["buy"], out["sell"] = board.depth_quantities[rows].sum(axis=2).T

    def _full(self, out: np.ndarray, rows: Ints) -> None:
        board = self.board
        for name in ("trade_time", "oi", "oi_high", "oi_low"):
            out[name] = getattr(board, name)[rows]
        count = len(rows)
        depth = out["depth"]
        prices = board.depth_price[rows].reshape(count, 10)
        depth["price"] = prices * self._multiply[rows][:, None] // self._divide[rows][:, None]
        depth["quantity"] = board.depth_quantities[rows].reshape(count, 10)
        depth["orders"] = board.depth_orders[rows].reshape(count, 10)
