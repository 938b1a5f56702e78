"""Backtests asked for in the window: each is the command `backtest`, in a process of its own.

So the market goes on meanwhile, whatever a strategy of the trader's does, and cancelling ends it at once. One runs at a time.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QUrl, Signal

from engine.clock import Clock, SystemClock, ist
from engine.core.errors import UserError
from terminal.settings import make_folder

START = "import sys; from terminal.app import main; sys.exit(main())"
ROOT = Path(__file__).resolve().parents[1]

CANCELLED = "It was cancelled."
PATIENCE_MS = 2_000
"""So long closing waits for a process that was killed."""


class Backtests(QObject):
    """The backtest that runs, if one does, and the page of the last."""

    began = Signal(str)
    """The command, as it would be typed."""
    ended = Signal(str, str, bool)
    """What it printed, what was wrong ("" = nothing), and whether there is a page."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        """`folder`: the trader's data folder; pages are kept in `reports`."""
        super().__init__()
        self._folder, self._clock = folder, clock or SystemClock()
        self._made: QProcess | None = None
        self._next_page = folder
        self._is_cancelled = False
        self.page: Path | None = None
        """The report of the last one that came to its end."""

    @property
    def _process(self) -> QProcess:
        """The one process, made when it is first wanted: a terminal without a window never wants it."""
        if self._made is None:
            self._made = QProcess(self)
            self._made.finished.connect(self._on_finished)
            self._made.errorOccurred.connect(self._on_error)
        return self._made

    @property
    def is_running(self) -> bool:
        """Tell whether one runs."""
        return self._made is not None and self._made.state() is not QProcess.ProcessState.NotRunning

    def run(self, words: Sequence[str]) -> None:
        """Start one with the words of the command line; raises UserError while another runs."""
        if self.is_running:
            raise UserError("A backtest is running; wait for its end, or cancel it.")
        self._next_page = make_folder(self._folder / "reports") / f"backtest-{ist(self._clock.now_ns()):%Y%m%d-%H%M%S}.html"
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), environment.value("PYTHONPATH")))))
        self._process.setProcessEnvironment(environment)
        self._is_cancelled = False
        self.began.emit(shlex.join(["shikra", "backtest", *words]))
        kept = ["--report", str(self._next_page), "--data-dir", str(self._folder)]
        self._process.start(sys.executable, ["-c", START, "backtest", *words, *kept])

    def cancel(self) -> None:
        """End the one that runs; without one nothing happens."""
        if self.is_running:
            self._is_cancelled = True
            self._process.kill()

    def show_page(self) -> None:
        """Open the last page in the browser; raises UserError when there is none."""
        if self.page is None or not self.page.is_file():
            raise UserError("There is no report yet; run a backtest first.")
        from PySide6.QtGui import QDesktopServices  # late: without a window there need be no graphics

        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.page)))

    def close(self) -> None:
        """End what runs and wait until it is gone."""
        self.cancel()
        if self.is_running:
            self._process.waitForFinished(PATIENCE_MS)

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._on_finished(1)

    def _on_finished(self, code: int, status: object = None) -> None:
        printed = bytes(self._process.readAllStandardOutput().data()).decode(errors="replace")
        said = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
        if self._is_cancelled:
            self.ended.emit("", CANCELLED, False)
            return
        has_page = self._next_page.is_file()
        if has_page:
            self.page = self._next_page
        wrong = said.strip().removeprefix("shikra: ") if code else ""
        if code and not wrong:
            wrong = f"The backtest ended with code {code} and said nothing; try it on the command line."
        self.ended.emit(printed.partition("\n\nreport  ")[0].rstrip(), wrong, has_page)
