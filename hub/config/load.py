"""``hub.yaml``, or a folder of them, → Configuration. Every mistake is reported at once, with its line."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from connectors.registry import Registry
from hub.config.destinations import read_destinations
from hub.config.file_secrets import read_secret
from hub.config.files import Text, folder_of, read_texts, revision_of, tree
from hub.config.loading import without_collection
from hub.config.model import Configuration, DeliverySettings
from hub.config.nodes import Node
from hub.config.places import places_of
from hub.config.problems import ConfigurationError, Problems
from hub.config.reading import Reading
from hub.config.rendering import renderings
from hub.config.routes import Surroundings, read_routes
from hub.config.routing_tests import read_tests
from hub.config.secret_fields import SecretFiles
from hub.config.settings import Settings
from hub.config.sources import read_sources
from hub.config.status import StatusConfig
from hub.config.validation import validate
from hub.config.variables import Variables, read_dotenv
from hub.config.written import WrittenFile
from schemas.news import HUB_SOURCE

__all__ = ["ConfigurationError", "load", "load_texts"]


def load(
    path: Path,
    environ: Mapping[str, str],
    *,
    expand: bool = True,
    may_lack: bool = False,
    registry: Registry | None = None,
) -> Configuration:
    """Read and check a configuration: a file, or a folder whose ``*.yaml`` are merged.

    Variables come from ``environ``, then from ``.env`` beside the configuration. With ``expand`` False neither they
    nor the files of secrets are looked up, and values that need one stay unchecked: good to look at, not to run. With
    ``may_lack`` that is so for those which are not there.

    Raises:
        ConfigurationError: every problem that was found.
    """
    problems = Problems()
    texts = read_texts(path, problems)
    problems.raise_any()
    with without_collection():
        return _load(texts, path, environ, problems, expand=expand, may_lack=may_lack, registry=registry)


def load_texts(
    texts: Mapping[str, str],
    path: Path,
    environ: Mapping[str, str],
    *,
    expand: bool = True,
    may_lack: bool = False,
    registry: Registry | None = None,
) -> Configuration:
    """`load` of texts that somebody else read: file name → text. ``path`` is where the files would be: ``.env`` and
    files of secrets are looked for there.

    Raises:
        ConfigurationError: every problem that was found; the places are in the texts.
    """
    found = [Text(Path(name), text) for name, text in sorted(texts.items())]
    with without_collection():
        return _load(found, path, environ, Problems(), expand=expand, may_lack=may_lack, registry=registry)


def _load(
    texts: Sequence[Text],
    path: Path,
    environ: Mapping[str, str],
    problems: Problems,
    *,
    expand: bool,
    may_lack: bool,
    registry: Registry | None,
) -> Configuration:
    root = tree(texts, path, problems)
    problems.raise_any()

    folder = folder_of(path)
    env_file = folder / ".env"
    values = {**read_dotenv(env_file, problems), **environ} if expand else None
    root = Variables(values, env_file, problems, may_lack=may_lack).expand(root)
    secret_files = SecretFiles(folder, problems, read_secret if expand else None, may_lack=may_lack)
    home = Path(environ.get("HUB_HOME") or Settings().home) if expand else None
    reading = Reading(problems, registry or Registry.installed(), secret_files, values, home)
    configuration = _read(root, texts, reading)
    problems.raise_any()
    assert configuration is not None
    return configuration


def _read(root: Node, texts: Sequence[Text], reading: Reading) -> Configuration | None:
    problems = reading.problems
    root = _with_status_secrets(root, reading)
    file = validate(WrittenFile, root, problems)
    section = {key: root.items().get(key, Node.collection(root.where, {})) for key in WrittenFile.model_fields}

    sources = read_sources(section["sources"], reading)
    defaults = file.defaults if file else DeliverySettings()
    configured = read_destinations(section["destinations"], defaults, reading)
    names = (*section["sources"].items(), HUB_SOURCE)
    around = Surroundings(names, section["destinations"].items(), configured, sources)
    routes, findings = read_routes(section["routes"], around, problems)
    ids = [str(element.at(["id"]).value) for element in section["routes"].elements()]
    tests = read_tests(section["tests"], sources, names, ids, renderings(routes, configured), problems)
    if file is None:
        return None
    return Configuration(
        name=file.name,
        log=file.log,
        sources=sources,
        destinations={name: each.entry for name, each in configured.items() if each.entry is not None},
        routes=tuple(routes),
        tests=tuple(tests),
        revision=revision_of(texts),
        texts={each.path.name: each.text for each in texts},
        delays=file.retry.delays,
        status=file.status,
        enrichments=file.enrichments,
        findings=tuple(findings),
        places=places_of(section["routes"]),
        unset=frozenset(key for key, node in root.items().items() if node.has_unset),
    )


def _with_status_secrets(root: Node, reading: Reading) -> Node:
    status = root.items().get("status")
    if status is None:
        return root
    filled, _ = reading.secret_files.fill(StatusConfig, status)
    return replace(root, value={**root.items(), "status": filled})
