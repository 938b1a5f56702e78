"""What is handed over after a backtest: figures as JSON, and one page that opens anywhere."""

from engine.report.page import write_page
from engine.report.report import Report

__all__ = ["Report", "write_page"]
