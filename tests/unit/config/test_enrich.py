"""``enrich`` on a route, and what certainly cannot be done."""

from datetime import timedelta
from pathlib import Path

import pytest

from hub.config.load import ConfigurationError, load

WHOLE = """\
version: 1
enrichments: {{max_result: 5MB, max_inline: 10kB, timeout: 5s, retention: 7d{more}}}
sources:
  gemini: {{type: gemini, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}
  jobs: {{type: gemini-dynamic}}
  github: {{type: github, secrets: [x]}}
destinations:
  answers: {{type: database, url: "sqlite:///r.db", rows: result}}
  events: {{type: database, url: "sqlite:///e.db"}}
  archive: {{type: object_store, url: archive}}
routes:
  - {route}
"""


def problems_of(folder: Path, route: str, more: str = "") -> list[str]:
    (folder / "hub.yaml").write_text(WHOLE.format(route=route, more=more))
    with pytest.raises(ConfigurationError) as raised:
        load(folder / "hub.yaml", {})
    return [problem.message for problem in raised.value.problems]


def test_a_route_that_can_be_done(tmp_path: Path) -> None:
    route = "{id: r, when: {source: [gemini, jobs]}, enrich: gemini-result, to: [answers, events]}"
    (tmp_path / "hub.yaml").write_text(WHOLE.format(route=route, more=', url: "s3://bucket/results"'))
    found = load(tmp_path / "hub.yaml", {})
    assert found.routes[0].enrich == "gemini-result"
    assert found.enrichments.url == "s3://bucket/results"
    assert (found.enrichments.max_result, found.enrichments.max_inline) == (5_000_000, 10_000)
    assert (found.enrichments.timeout, found.enrichments.retention) == (timedelta(seconds=5), timedelta(days=7))


def test_what_only_the_event_can_tell_is_no_problem(tmp_path: Path) -> None:
    route = "{id: r, when: {type: [batch.succeeded]}, enrich: gemini-result, to: answers}"
    (tmp_path / "hub.yaml").write_text(WHOLE.format(route=route, more=""))
    assert load(tmp_path / "hub.yaml", {}).routes[0].enrich == "gemini-result"


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        (
            "{id: r, when: {source: [gemini, github]}, enrich: gemini-result, to: events}",
            "`enrich`: the source `github` has no 'gemini-result', only gemini, jobs; give it a route of its own",
        ),
        (
            "{id: r, enrich: gemini-result, to: events}",
            "not all have 'gemini-result'; write `when: {source: [gemini, jobs]}`",
        ),
        (
            "{id: r, when: {source: [gemini]}, enrich: gemini-results, to: events}",
            "no source in `sources` has 'gemini-results'; they have gemini-result; did you mean `gemini-result`?",
        ),
        (
            "{id: r, when: {source: [gemini]}, enrich: gemini-result, to: [events, archive]}",
            "`archive` stores ranges of the log as they are, and takes no results; give it a route of its own",
        ),
        (
            "{id: r, when: {source: [gemini]}, to: [events, answers]}",
            "`answers` takes results, and this route fetches none; write `enrich`",
        ),
    ],
)
def test_what_certainly_cannot_be_done_is_refused(tmp_path: Path, route: str, problem: str) -> None:
    [found] = problems_of(tmp_path, route)
    assert problem in found


@pytest.mark.parametrize("url", ["results", "http://x/y", "s3://", "file://host/path", "file:///", "s3://a:b@bucket/x"])
def test_a_place_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    [problem] = problems_of(tmp_path, "{id: r, to: events}", f', url: "{url}"')
    assert problem.startswith("`enrichments.url`")
