"""What `hub plan` says of two texts: everything that differs, and no secret."""

from hub.config.differences import Difference, How, KeyDifference, differences

BEFORE = """\
version: 1
sources: {shop: {type: standard_webhooks, secrets: ["${OLD}", literal-secret]}}
destinations:
  out: {type: http, url: "https://example.com/a", secrets: [whsec_abc], retry: {max_attempts: 3}}
  gone: {type: console}
routes:
  - {id: all, to: out, when: {type: [sold]}}
  - {id: second, to: gone}
"""


def between(before: str, after: str) -> list[Difference]:
    return differences({"hub.yaml": before}, {"hub.yaml": after})


def test_the_same_in_other_words_is_no_difference() -> None:
    assert between(BEFORE, f"# a comment\n\n{BEFORE}") == []


def test_what_is_added_removed_and_changed_is_named_with_its_keys() -> None:
    after = BEFORE.replace("max_attempts: 3", "max_attempts: 5").replace("  gone: {type: console}\n", "")
    after = after.replace("  - {id: second, to: gone}\n", "  - {id: third, to: out}\n").replace("sold", "sold, lost")
    assert between(BEFORE, after) == [
        Difference("destination", "gone", How.REMOVED),
        Difference("destination", "out", How.CHANGED, (KeyDifference("retry.max_attempts", "3", "5"),)),
        Difference("route", "second", How.REMOVED),
        Difference("route", "all", How.CHANGED, (KeyDifference("when.type", '["sold"]', '["sold", "lost"]'),)),
        Difference("route", "third", How.ADDED, (KeyDifference("id", None, "third"), KeyDifference("to", None, "out"))),
    ]


def test_secrets_are_masked_and_variables_are_shown_as_they_are_written() -> None:
    after = (
        BEFORE.replace("literal-secret", "another-secret").replace("${OLD}", "${NEW}").replace("whsec_abc", "whsec_def")
    )
    shown = str(between(BEFORE, after))
    assert "secret" not in shown.replace("(secret)", "").replace("'secrets'", "")
    assert "whsec" not in shown
    assert "[${OLD}, (secret)]" in shown
    assert "[${NEW}, (secret)]" in shown


def test_a_former_name_is_a_new_name_and_not_another_thing() -> None:
    after = BEFORE.replace("  gone: {type: console}", "  screen: {type: console, was: gone}")
    after = after.replace("{id: second, to: gone}", "{id: other, was: second, to: screen}")
    assert between(BEFORE, after) == [
        Difference("destination", "screen", How.RENAMED, (), "gone"),
        Difference("route", "other", How.RENAMED, (KeyDifference("to", "gone", "screen"),), "second"),
    ]


def test_another_order_of_routes_and_the_settings_at_the_top_are_said() -> None:
    first, second = "  - {id: all, to: out, when: {type: [sold]}}\n", "  - {id: second, to: gone}\n"
    assert between(BEFORE, BEFORE.replace(first + second, second + first)) == [
        Difference("settings", "routes", How.CHANGED, (KeyDifference("order", None, "another"),))
    ]
    both = between(BEFORE, BEFORE.replace(first + second, second.replace("to: gone", "to: out") + first))
    assert [one.name for one in both] == ["second", "routes"]
    assert between(BEFORE, BEFORE + "retry: {delays: [1s, 5s]}\n") == [
        Difference("settings", "retry", How.CHANGED, (KeyDifference("delays", None, '["1s", "5s"]'),))
    ]


def test_of_a_type_that_is_not_installed_every_value_may_be_a_secret() -> None:
    text = "version: 1\ndestinations: {out: {type: strange, token: tttt}}\n"
    assert "tttt" not in str(between(text, text.replace("tttt", "uuuu")))
