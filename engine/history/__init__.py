"""Prices of the past: the archive of bars and ticks, and the importer that fills it from files."""

from engine.history.archive import History
from engine.history.bars import read_bars
from engine.history.report import ImportReport, Progress, Rejected

__all__ = ["History", "ImportReport", "Progress", "Rejected", "read_bars"]
