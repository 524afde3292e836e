"""What becomes of a job: by script (a scenario file), else by chance (pure: a seed gives the same run again)."""

import json
from collections.abc import Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from connectors.sources.gemini.emulator.faults import chance, probability
from connectors.sources.gemini.emulator.lifecycle import EVENTS, EXPIRES_AFTER
from connectors.sources.gemini.emulator.records import Failure, JobKind, Outcome
from schemas.quantities import Duration

Weights = Mapping[Outcome, float]
DURATIONS: Mapping[JobKind, float] = {JobKind.BATCH: 600.0, JobKind.INTERACTION: 60.0, JobKind.VIDEO: 120.0}
"""Emulated seconds a job takes where nothing else is said."""


class ScenarioError(Exception):
    """The scenario cannot be used; the message says where and why."""


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pattern(_Written):
    """Every key that is given must fit; texts are globs (``nightly-*``)."""

    kind: JobKind | None = None
    model: str = "*"
    display_name: str = "*"
    text: str = "*"
    metadata: dict[str, Any] = {}


def _as_weights(value: object) -> object:
    return {value: 1.0} if isinstance(value, str) else value


def _as_range(value: object) -> object:
    return value if isinstance(value, list) else [value, value]


def _not_empty(weights: Weights) -> Weights:
    if not any(weights.values()):
        raise ValueError("at least one outcome needs a weight above 0")
    return weights


class Rule(_Written):
    """``outcome``: one, or weights of several. ``duration``: one, or the shortest and the longest."""

    match: Pattern = Pattern()
    duration: Annotated[tuple[Duration, Duration], BeforeValidator(_as_range)] | None = None
    outcome: Annotated[
        dict[Outcome, Annotated[float, Field(ge=0)]], BeforeValidator(_as_weights), AfterValidator(_not_empty)
    ] = {Outcome.SUCCEED: 1.0}
    error: Failure = Failure()


class Scenario(_Written):
    """The first rule that matches a job decides it."""

    jobs: tuple[Rule, ...] = ()


class Subject(_Written):
    """What patterns see of a job. ``text``: its prompt, or its first one."""

    kind: JobKind
    model: str
    display_name: str = ""
    text: str = ""
    metadata: dict[str, Any] = {}


class Plan(_Written):
    """``duration``: emulated seconds."""

    outcome: Outcome
    duration: float
    failure: Failure = Failure()


def load_scenario(path: Path) -> Scenario:
    """Read a YAML or JSON file; raises ScenarioError."""
    try:
        text = path.read_text()
        written = json.loads(text) if path.suffix == ".json" else YAML(typ="safe").load(text)
        return Scenario.model_validate({} if written is None else written)
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors())
        raise ScenarioError(f"{path}: {'; '.join(lines)}") from error
    except (OSError, ValueError, YAMLError) as error:
        raise ScenarioError(f"{path}: {error}") from error


def parse_weights(text: str) -> Weights:
    """Read ``fail=0.1,expire=0.05``: probabilities, the rest succeeds. Raises ValueError."""
    found: dict[Outcome, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        if name not in list(Outcome):
            raise ValueError(f"there is no outcome {name!r}, only {', '.join(Outcome)}")
        found[Outcome(name)] = probability(name, number)
    if sum(found.values()) > 1:
        raise ValueError(f"the probabilities in {text!r} make more than 1")
    return {Outcome.SUCCEED: 1 - sum(found.values()), **found}


def plan(subject: Subject, scenario: Scenario, otherwise: Weights, *, seed: int, number: int) -> Plan:
    """What job ``number`` will come to. Outcomes that its kind cannot have count as success."""
    rule = next((rule for rule in scenario.jobs if matches(rule.match, subject)), None)
    if rule is None:
        rule = Rule(outcome=dict(otherwise))
    outcome = _draw(rule.outcome, chance(seed, "outcome", number))
    if outcome not in EVENTS[subject.kind]:
        outcome = Outcome.SUCCEED
    if outcome is Outcome.EXPIRE:
        return Plan(outcome=outcome, duration=EXPIRES_AFTER if rule.duration is None else _seconds(rule.duration[1]))
    if rule.duration is None:
        return Plan(outcome=outcome, duration=DURATIONS[subject.kind], failure=rule.error)
    shortest, longest = map(_seconds, rule.duration)
    duration = shortest + (longest - shortest) * chance(seed, "duration", number)
    return Plan(outcome=outcome, duration=duration, failure=rule.error)


def matches(pattern: Pattern, subject: Subject) -> bool:
    return (
        pattern.kind in {None, subject.kind}
        and fnmatchcase(subject.model, pattern.model)
        and fnmatchcase(subject.display_name, pattern.display_name)
        and fnmatchcase(subject.text, pattern.text)
        and all(subject.metadata.get(name) == value for name, value in pattern.metadata.items())
    )


def _draw(weights: Weights, drawn: float) -> Outcome:
    rest = drawn * sum(weights.values())
    for outcome, weight in weights.items():
        rest -= weight
        if rest < 0:
            return outcome
    return next(outcome for outcome, weight in weights.items() if weight)


def _seconds(duration: timedelta) -> float:
    return duration.total_seconds()
