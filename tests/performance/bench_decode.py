"""How fast frames of the Kite feed become ticks, beside the official client's parser over the very same bytes in the same run.

Frames of 500 packets are what a busy second brings, single packets what a quiet one does. The official parser's callbacks, and its
dicts' way to whoever reads them, are left out: both only parse.
"""

from __future__ import annotations

import random
import struct
import sys
import time
from collections.abc import Callable

from kiteconnect import KiteTicker

from engine.brokers.zerodha import codec

TARGETS = {"500 full": 100.0, "1 full": 5.0}
ROUNDS = 7


def packet(length: int, rng: random.Random) -> bytes:
    """One packet of an instrument of NSE, of plausible figures."""
    token = rng.randrange(1 << 16) << 8 | 1
    words = [rng.randrange(10_000, 5_000_000) for _ in range(15)]
    if length < 184:
        return struct.pack(f">{length // 4}I", token, *words[: length // 4 - 1])
    levels = [value for _ in range(10) for value in (rng.randrange(100_000), rng.randrange(5_000_000), rng.randrange(500))]
    return struct.pack(">16I" + "IIHxx" * 10, token, *words, *levels)


def frame(count: int, length: int) -> bytes:
    """A frame of packets of one kind."""
    rng = random.Random(count)
    return struct.pack(">H", count) + b"".join(struct.pack(">H", length) + packet(length, rng) for _ in range(count))


def seconds(parse: Callable[[bytes], object], data: bytes, calls: int) -> float:
    """Return the processor time of one call, the best of some rounds: the rest is other people's work."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.thread_time()
        for _ in range(calls):
            parse(data)
        best = min(best, (time.thread_time() - began) / calls)
    return best


def main() -> int:
    """Print time and rate of both and their ratio; the exit code says whether the targets were reached."""
    codec.prepare()
    official = KiteTicker("key", "token")._parse_binary
    missed = 0
    for count, kind, length in ((500, "full", 184), (500, "quote", 44), (1, "full", 184), (1, "quote", 44), (1, "ltp", 8)):
        data = frame(count, length)
        ours = seconds(codec.decode_frame, data, 20_000 // count)
        theirs = seconds(official, data, max(2, 2_000 // count))
        name, ratio = f"{count} {kind}", theirs / ours
        target = TARGETS.get(name)
        verdict = "" if target is None else f", target {target:g}: {'reached' if ratio >= target else 'MISSED'}"
        missed += target is not None and ratio < target
        print(
            f"frame of {name:9}: {1e6 * ours:8.2f} us, {count / ours:12,.0f} packets/s; "
            f"official {1e6 * theirs:8.1f} us, {count / theirs:8,.0f} packets/s; ratio {ratio:.0f}{verdict}"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
