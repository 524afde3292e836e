"""``hub plan``, ``apply``, ``rollback`` and ``history``: the configuration that is in force, and changing it."""
