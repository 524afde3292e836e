"""The contracts everything else is written against: events, deliveries, decisions, outcomes, headers.

This package imports nothing of ours. Whoever consumes the topics from another language finds the same
contracts as JSON Schemas in ``schemas/json`` and as tables in the README.
"""
