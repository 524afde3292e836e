"""What is probably a mistake in a configuration that is valid: what ``hub check`` finds. Pure; nothing is looked up."""

from collections.abc import Mapping

from hub.config.model import Configuration, Finding
from hub.lint.cost import costly_patterns
from hub.lint.exceptions import exception_findings
from hub.lint.fields import field_findings
from hub.lint.overlaps import overlap_findings
from hub.lint.renamed import renamed_routes

__all__ = ["CODES", "lint"]

CODES: Mapping[str, str] = {
    "unknown-source": "a pattern names a source that is not there",
    "unknown-type": "a pattern names a type that is nearly, and not quite, one that the source's sender has",
    "unknown-field": "a pattern asks for a field that no event has which it could match",
    "wrong-type": "a pattern asks for a value that is never there: a number where the field is text",
    "never-matches": "`unless` takes away everything that `when` matches",
    "no-effect": "`unless` takes nothing away",
    "shadowed": "another route takes everything this one could, and leaves it nothing",
    "delivered-twice": "another route takes the same events to the same destination, in the same way",
    "costly": "a pattern is allowed, and takes a good part of what one may cost",
    "renamed-route": "a route has a new id: a replay would deliver again what was delivered under the old one",
}
"""Every code a finding can have, and what it means. Of one line, the first of these is told first."""


def lint(configuration: Configuration, before: Configuration | None = None) -> list[Finding]:
    """Every finding, in the order of the file. ``before`` is the revision that it is to replace, if there is one."""
    findings = [
        *configuration.findings,  # what the reader saw
        *field_findings(configuration),
        *exception_findings(configuration),
        *overlap_findings(configuration),
        *costly_patterns(configuration),
        *(renamed_routes(before, configuration) if before is not None else ()),
    ]
    return sorted(findings, key=lambda each: (each.where, list(CODES).index(each.code)))
