"""Names of jobs."""


def job_id(name: str) -> str:
    """One form for one job, so that all its events stay in order: its resource name's last part.

    Gemini documents neither whether events say ``batches/123`` or ``123``, nor the like for ``interactions/…`` and
    ``models/…/operations/…``.
    """
    return name.rstrip("/").rpartition("/")[2] or name
