"""Runs the benchmarks, each in a process of its own: `python -m tests.performance [replay ticks order_path start]`.

Each prints its figures beside a control that was measured in the same run; only such ratios may be quoted, for machines differ by the hour.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; returns the exit code."""
    known = {path.stem.removeprefix("bench_"): path for path in sorted(HERE.glob("bench_*.py"))}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"Expected benchmarks among {', '.join(known)}; was {', '.join(unknown)}.", file=sys.stderr)
        return 2
    failed = 0
    for name in names or known:
        print(f"== {name}", flush=True)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen")}
        failed += subprocess.run([sys.executable, str(known[name])], cwd=ROOT, env=environment, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
