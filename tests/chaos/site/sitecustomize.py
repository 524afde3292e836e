"""Python runs this at the start of every process whose PYTHONPATH names this folder: those of a hub under test."""

import os

if without := os.environ.get("CHAOS_WITHOUT"):
    from tests.chaos.safeguards import switch_off

    switch_off(without)
