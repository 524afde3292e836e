"""``--against``: the configuration as it was: another file or folder, or the same one in an earlier revision of Git."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from hub.cli.wiring import fail
from hub.config.load import ConfigurationError, load
from hub.config.model import Configuration
from hub.supervisor import CONFIGURATION_ERROR

_TIMEOUT = 30.0  # seconds


def earlier(against: str, path: Path, *, expand: bool) -> Configuration:
    """Read it. Ends the command with 2 where there is no such thing, or it cannot be used.

    Variables that only the earlier one needs may be unset: it is compared, not run.
    """
    if Path(against).exists():
        return _loaded(Path(against), expand=expand)
    with TemporaryDirectory() as folder:
        return _loaded(_checked_out(against, path, Path(folder)), expand=expand)


def _loaded(path: Path, *, expand: bool) -> Configuration:
    try:
        return load(path, os.environ, expand=expand, may_lack=True)
    except ConfigurationError as error:
        fail(f"--against: it cannot be used, so nothing can be compared with it\n{error}", CONFIGURATION_ERROR)


def _checked_out(revision: str, path: Path, folder: Path) -> Path:
    """The files of ``path`` as Git has them."""
    beside = path if path.is_dir() else path.parent
    commit = _git(revision, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}", at=beside).strip()
    names = _git(revision, "ls-tree", "--name-only", commit, "./", at=beside).splitlines()
    wanted = [name for name in names if (path.is_dir() and name.endswith(".yaml")) or name == path.name]
    if not wanted:
        fail(f"--against: there is no {path} in the revision {revision} of Git", CONFIGURATION_ERROR)
    for name in wanted:
        (folder / name).write_text(_git(revision, "show", f"{commit}:./{name}", at=beside), encoding="utf-8")
    return folder if path.is_dir() else folder / path.name


def _git(revision: str, *arguments: str, at: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603  (a revision is never taken for an option: --end-of-options)
            ["git", "-C", str(at), *arguments],  # noqa: S607  (Git is where the person has it)
            capture_output=True,
            text=True,
            check=True,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        why = f" ({said[0]})" if said else ""
        fail(f"--against {revision}: neither a file nor a revision of Git{why}", CONFIGURATION_ERROR)
    return done.stdout
