"""How long a trader waits: seconds from process start to the first painted window and to the first tick on the screen.

The control is an empty Qt window, started by turns in the same run; what the terminal adds to it is ours.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
GOALS = {"first painted window": 1.0, "first tick on screen": 2.5}

EMPTY_WINDOW = """
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
from terminal.stopwatch import since_start_s

class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        QTimer.singleShot(0, self.tell)

    def tell(self):
        print(since_start_s())
        application.quit()

application = QApplication([])
window = Window()
window.resize(1366, 768)
window.show()
application.exec()
"""


def empty_window() -> float:
    """Return the seconds that an empty window takes."""
    done = subprocess.run([sys.executable, "-c", EMPTY_WINDOW], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[0])


def terminal(folder: Path) -> dict[str, float]:
    """Start the terminal as it is started every day, let it trade for a moment, and read its own figures from its log."""
    log = folder / "logs" / "shikra.log"
    log.unlink(missing_ok=True)
    subprocess.run(
        [sys.executable, "main.py", "--smoke", "--data-dir", str(folder)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    text = log.read_text(encoding="utf-8")
    return {name: float(re.search(rf"{name} after ([\d.]+) s", text)[1]) for name in GOALS}  # type: ignore[index]


def main() -> int:
    """Print the figures; the exit code is 1 when a goal is missed."""
    missed = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        terminal(folder)  # the first start of all makes the database and the machine code
        rounds = [(empty_window(), terminal(folder)) for _ in range(ROUNDS)]
    control = statistics.median(empty for empty, _ in rounds)
    print(f"control: an empty Qt window painted after {control:.2f} s")
    for name, goal in GOALS.items():
        values = sorted(figures[name] for _, figures in rounds)
        middle = statistics.median(values)
        verdict = "reached" if middle <= goal else "MISSED"
        missed += middle > goal
        spread = f"from {values[0]:.2f} to {values[-1]:.2f}"
        print(f"{name} after {middle:.2f} s ({spread}; {middle / control:.1f} x control; goal {goal} s {verdict})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
