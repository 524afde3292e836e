"""Destinations: the code that serves a configured target."""
