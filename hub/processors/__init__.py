"""Faust: the safe transport, route, deliver."""
