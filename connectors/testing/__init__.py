"""The conformance suite that any connector runs with pytest."""
