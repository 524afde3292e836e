"""A route that got a new id delivers anew on a replay."""

from hub.lint import lint
from tests.unit.lint.conftest import FIRST, Load

WHEN = "when: {type: [batch.failed]}"


def test_a_new_id_for_an_old_route_is_found(load_text: Load) -> None:
    before = load_text(f"{{id: failures, to: db, {WHEN}}}", "{id: all, to: terminal}")
    now = load_text(f"{{id: failed-jobs, to: db, {WHEN}, description: better}}", "{id: all, to: terminal}")
    (finding,) = lint(now, before)
    assert str(finding) == (
        f"hub.yaml:{FIRST}: route `failures` is called `failed-jobs` now, which gives its deliveries new ids: a replay "
        "delivers again what was delivered under the old ones [renamed-route]\n"
        "  fix: write `was: failures` beside it, or keep the id"
    )


def test_one_that_says_what_it_was_keeps_its_deliveries_ids(load_text: Load) -> None:
    before = load_text(f"{{id: failures, to: db, {WHEN}}}")
    assert lint(load_text(f"{{id: failed-jobs, was: failures, to: db, {WHEN}}}"), before) == []
    assert lint(load_text(f"{{id: failed-jobs, was: another, to: db, {WHEN}}}"), before) == []


def test_what_is_new_or_gone_or_does_something_else_is_not(load_text: Load) -> None:
    before = load_text(f"{{id: failures, to: db, {WHEN}}}")
    for routes in (
        (f"{{id: failures, to: terminal, {WHEN}}}",),
        (f"{{id: other, to: terminal, {WHEN}}}",),
        ("{id: other, to: db, when: {type: [batch.expired]}}",),
        (f"{{id: failures, to: db, {WHEN}}}", f"{{id: twin, to: terminal, {WHEN}}}"),
        (),
    ):
        assert lint(load_text(*routes), before) == []


def test_one_that_is_gone_became_one_at_most(load_text: Load) -> None:
    before = load_text(f"{{id: a, to: db, {WHEN}}}")
    now = load_text(f"{{id: b, to: db, {WHEN}}}", f"{{id: c, to: db, {WHEN}}}")
    assert [each.code for each in lint(now, before)] == ["renamed-route", "delivered-twice"]
