"""Texts with event values in them: values are never template, and never break a delivery in an unknown way."""

import pytest
from pydantic import TypeAdapter, ValidationError

from connectors.errors import BadRecordError
from connectors.template import Template


def render(source: str, **document: object) -> str:
    return Template(source).render(document)


def test_values_are_put_in() -> None:
    assert render("Job {{ subject }}: {{ data.error.code | default('?') }}", subject="7", data={}) == "Job 7: ?"


def test_what_is_missing_is_empty_however_deep() -> None:
    assert render("[{{ data.a.b.c }}{{ nothing }}{{ data.n }}]", data={"n": None}) == "[]"


def test_every_value_is_escaped_after_its_filters_and_the_authors_text_is_not() -> None:
    template = Template(
        "<b> {{ x }} {{ x | upper }} {{ x | safe }} {{ [x] | join }} {{ x ~ '<' }}{% if x %}<i>{% endif %}"
    )
    text = template.render({"x": "<a>"}, lambda value: value.replace("<", "[").replace(">", "]"))
    assert text == "<b> [a] [A] [a] [a] [a][<i>"


def test_a_value_is_never_a_template() -> None:
    assert render("{{ x }}", x="{{ 7 * 7 }} {% raw %}") == "{{ 7 * 7 }} {% raw %}"


def test_json_is_json_and_not_html() -> None:
    assert render("{{ x | tojson }}", x={"a": "<&'"}) == '{"a":"<&\'"}'
    assert render("{{ nothing | tojson }}") == ""


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ x.__init__.__globals__ }}",
        "{{ x | attr('__class__') }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ lipsum.__globals__ }}",
    ],
)
def test_the_sandbox_holds(source: str) -> None:
    try:
        assert render(source, x="text") == ""
    except BadRecordError:
        return


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ x + 1 }}", "a"),
        ("{{ 1 / x }}", 0),
        ("{{ x() }}", "a"),
        ("{{ x | dictsort }}", "a"),
        ("{{ x | round }}", "a"),
        ("{{ x }}", "deep"),
        ("{{ x.append(1) }}", []),
        ("{% for i in range(x) %}{% endfor %}", 10**9),
        ("{% include 'file' %}", ""),
        ("{{ x | tojson }}", object()),
        ("{{ '%d' | format(x) }}", "a"),
        ("{{ nothing.more() }}", ""),
    ],
)
def test_what_cannot_be_rendered_is_a_bad_record(source: str, value: object) -> None:
    if value == "deep":
        value = []
        for _ in range(1_000):
            value = [value]
    with pytest.raises(BadRecordError, match="cannot be rendered"):
        render(source, x=value)


@pytest.mark.parametrize("source", ["{{ open", "{% if %}", "{{ x | no_such_filter }}", "{% endfor %}", 5, None])
def test_a_mistake_in_the_configuration_is_reported_when_it_is_read(source: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Template).validate_python(source)


def test_templates_are_compared_and_written_as_their_text() -> None:
    adapter = TypeAdapter(Template)
    assert adapter.validate_python("{{ a }}") == Template("{{ a }}")
    assert adapter.dump_python(Template("{{ a }}")) == "{{ a }}"
    assert adapter.json_schema() == {"type": "string"}
    assert len({Template("a"), Template("a"), Template("b")}) == 2
    assert repr(Template("a")) == "Template('a')"
