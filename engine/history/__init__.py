"""Prices of the past: the archive of bars and ticks, and the importer that fills it from files."""

from engine.history.archive import History
from engine.history.bars import read_bars
from engine.history.importer import import_file
from engine.history.report import ImportReport, Progress, Rejected
from engine.history.rules import Repair, parse_repair
from engine.history.ticks import read_ticks

__all__ = ["History", "ImportReport", "Progress", "Rejected", "Repair", "import_file", "parse_repair", "read_bars", "read_ticks"]
