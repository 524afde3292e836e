"""The Starlette application: verify, append, 202."""
