"""``hub.yaml`` and the environment, as typed values."""
