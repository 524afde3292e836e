"""Where the api of a data folder answers, for the commands that ask it."""

from pathlib import Path

from hub.config.settings import Settings


def announce(settings: Settings, scheme: str, host: str, port: int) -> str:
    """Write down the URL; returns it."""
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    file = _file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(".new")
    beside.write_text(f"{url}\n")
    beside.replace(file)  # nobody reads half of it
    return url


def announced(settings: Settings) -> str | None:
    """Where it answers, or did last; None where there never was one."""
    file = _file(settings)
    return file.read_text().strip() if file.exists() else None


def _file(settings: Settings) -> Path:
    return settings.home / "run" / "api.url"
