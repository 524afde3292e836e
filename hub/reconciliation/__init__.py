"""Finds the events that a sender's webhooks should have brought and did not, and appends them to the log."""

from hub.reconciliation.reconcile import Reconciliation, Result

__all__ = ["Reconciliation", "Result"]
