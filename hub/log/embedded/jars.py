"""Kafka's jars: fetched once by jgo, checked against ``jars.sha256``, shared by all hubs of a user.

They live in ``$XDG_CACHE_HOME/event-hub/kafka-<version>/jars`` (default ``~/.cache``). A manifest beside them holds
each jar's size and modification time when its sum was right: a start looks at 46 directory entries, not at 44 MB.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from hub.log.embedded.errors import JarsMismatchError, JarsUnavailableError

KAFKA_VERSION = "4.3.1"

# No log4j here: jgo then takes log4j's managed versions and puts kafka-clients 3.9.1 beside the 4.3.1 broker.
COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"

_log = logging.getLogger(__name__)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where everything that can be fetched or computed again lives."""
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "event-hub" / f"kafka-{KAFKA_VERSION}"


def expected_sums() -> dict[str, str]:
    """File name → SHA-256, as committed with the hub."""
    text = resources.files("hub.log.embedded").joinpath("jars.sha256").read_text(encoding="ascii")
    return {name: digest for digest, name in (line.split() for line in text.splitlines())}


def resolve_with_jgo() -> Sequence[Path]:
    """Download what is missing into jgo's own cache, and say where it is. Costs seconds even when nothing is missing.

    Raises:
        JarsUnavailableError: for whatever reason.
    """
    _log.info("fetching Apache Kafka %s (44 MB, once)", KAFKA_VERSION)
    import jgo  # noqa: PLC0415  (imports requests and more; every later start does without)

    try:
        jars: Sequence[Path] = jgo.build(COORDINATES).all_jars
    except Exception as error:
        raise JarsUnavailableError(
            f"cannot fetch Apache Kafka {KAFKA_VERSION}: {type(error).__name__}: {error}. It is needed once: go online "
            f"(HTTPS_PROXY is heeded) and start again, or copy {cache_folder()} from a machine that has it, or set "
            "HUB_KAFKA to a cluster that runs elsewhere"
        ) from error
    return jars


def verified_jars(
    cache: Path,
    *,
    sums: Mapping[str, str] | None = None,
    fetch: Callable[[], Sequence[Path]] = resolve_with_jgo,
) -> tuple[Path, ...]:
    """The jars, in class path order. Fetches them if they are missing or were changed. Safe to run concurrently.

    Raises:
        JarsUnavailableError: they could not be fetched or stored.
        JarsMismatchError: what was fetched has other sums.
    """
    sums = expected_sums() if sums is None else sums
    folder = cache / "jars"
    if not _unchanged(folder, sums):
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with _locked(cache / "jars.lock"):
                if not _unchanged(folder, sums) and not _right_all_the_same(folder, sums):
                    _replace(folder, fetch(), sums)
        except OSError as error:
            raise JarsUnavailableError(
                f"cannot store Kafka's jars in {cache}: {error}; make room there, or set XDG_CACHE_HOME"
            ) from error
    return tuple(folder / name for name in sorted(sums))


def _unchanged(folder: Path, sums: Mapping[str, str]) -> bool:
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        return bool(manifest == _manifest(folder, sums))
    except (OSError, ValueError):
        return False


def _right_all_the_same(folder: Path, sums: Mapping[str, str]) -> bool:
    """Whether only the times changed: copied from another machine, or fetched by another hub while we waited."""
    if not all((folder / name).is_file() and _sha256(folder / name) == digest for name, digest in sums.items()):
        return False
    _write_manifest(folder, sums)
    return True


def _write_manifest(folder: Path, sums: Mapping[str, str]) -> None:
    (folder / "manifest.json").write_text(json.dumps(_manifest(folder, sums)))


def _manifest(folder: Path, sums: Mapping[str, str]) -> dict[str, list[object]]:
    return {
        name: [digest, stat.st_size, stat.st_mtime_ns]
        for name, digest in sums.items()
        for stat in [(folder / name).stat()]
    }


def _replace(folder: Path, fetched: Sequence[Path], sums: Mapping[str, str]) -> None:
    _check(fetched, sums)
    complete = folder.with_name("jars.new")
    shutil.rmtree(complete, ignore_errors=True)  # of a hub that was killed
    complete.mkdir()
    for jar in fetched:
        _link_or_copy(jar, complete / jar.name)
    _write_manifest(complete, sums)
    shutil.rmtree(folder, ignore_errors=True)  # changed behind our back, or half removed
    complete.rename(folder)


def _check(fetched: Sequence[Path], sums: Mapping[str, str]) -> None:
    names = {jar.name for jar in fetched}
    if names != set(sums):
        raise JarsMismatchError(
            f"{COORDINATES} resolved to other jars than expected (missing: {sorted(set(sums) - names)}, "
            f"unexpected: {sorted(names - set(sums))}); look for a mirror or proxy that rewrites Maven metadata"
        )
    for jar in fetched:
        actual = _sha256(jar)
        if actual != sums[jar.name]:
            raise JarsMismatchError(
                f"{jar} has SHA-256 {actual}, expected {sums[jar.name]}: a broken download, or not what Apache "
                "published. Delete it (and its copy under ~/.m2/repository) and start again; if it comes back the "
                "same, find out what stands between you and the Maven repository"
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source.resolve(), target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
