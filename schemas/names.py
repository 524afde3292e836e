"""Names of sources, routes and destinations: safe in topic names, URLs, file names and metric labels."""

from typing import Annotated

from pydantic import StringConstraints

NAME_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"

Name = Annotated[str, StringConstraints(pattern=f"^{NAME_PATTERN}$")]
