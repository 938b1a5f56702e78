"""Keeps our books in line with the broker's: compares them, and looks up orders of unknown fate. Never sends an order."""

from engine.core.reconciliation import Difference, Report
from engine.reconcile.lookup import LOOKS_S, Lookup, is_open_question
from engine.reconcile.reconciler import Reconciler

__all__ = ["LOOKS_S", "Difference", "Lookup", "Reconciler", "Report", "is_open_question"]
