"""The language as test data: what public documentation says of each operator, in cases of our own.

Each case names the document that defines its answer. Where documents are silent and people will ask all the same, the
answer is ours, and the case says so (OURS).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Defined(StrEnum):
    """Where an answer comes from. The guide is docs.aws.amazon.com/eventbridge/latest/userguide."""

    OPERATORS = "EventBridge guide, eb-create-pattern-operators"
    PATTERNS = "EventBridge guide, eb-event-patterns and eb-create-pattern"
    NULLS = "EventBridge guide, eb-event-patterns-null-values"
    ARRAYS = "EventBridge guide, eb-event-patterns-arrays"
    RULER = "README of github.com/aws/event-ruler"
    BY_VALUE = "our deliberate difference: numbers compare by value, whole ones of any size exactly"
    OURS = "nowhere else: ours"


@dataclass(frozen=True, slots=True)
class Case:
    operator: str
    defined: Defined
    when: Mapping[str, Any]
    event: Mapping[str, Any]
    matches: bool

    def __str__(self) -> str:
        return f"{self.operator}: {self.when} {'matches' if self.matches else 'does not match'} {self.event}"


_NOTHING = object()
_Answers = list[tuple[list[Any], list[Any], list[Any]]]
"""A list as written under a key, values of the field that match it, and values that do not."""

_FIELD_CASES: dict[tuple[str, Defined], _Answers] = {
    ("values", Defined.PATTERNS): [
        (["running"], ["running"], ["Running", "running ", "run", "", None, 1, True]),
        (["initializing", "running"], ["initializing", "running"], ["stopped"]),
        ([5], [5], ["5", 6, True, None]),
        ([301.8], [301.8], [301, 301.80001]),
        ([True], [True], ["true", 1, False, None]),
        ([False], [False], ["false", 0, True, None]),
    ],
    ("values", Defined.NULLS): [
        ([""], [""], [None, " ", _NOTHING]),
        ([None], [None], ["", "null", 0, False, _NOTHING]),
    ],
    ("values", Defined.BY_VALUE): [
        ([1], [1, 1.0, 1e0], [True, "1", 1.5]),
        ([300.0], [300, 3.0e2], ["300.0"]),
        ([0], [0, -0.0], [False, None, ""]),
        ([2**64], [2**64, float(2**64)], [2**64 + 1, 2**64 - 1]),
        ([10**30 + 1], [10**30 + 1], [10**30, float(10**30)]),
        ([-(10**30) - 1], [-(10**30) - 1], [-(10**30)]),
    ],
    ("prefix", Defined.OPERATORS): [
        ([{"prefix": "2017-10-02"}], ["2017-10-02T18:43:48Z", "2017-10-02"], ["2017-10-03", " 2017-10-02", 2017]),
        ([{"prefix": "us-"}, "local"], ["us-east-1", "local"], ["US-east-1", "local-1", _NOTHING, None]),
        ([{"prefix": {"equals-ignore-case": "EventB"}}], ["eventbridge", "EVENTB", "EventBus"], ["event", "myeventb"]),
    ],
    ("prefix", Defined.OURS): [
        ([{"prefix": ""}], ["", "anything"], [0, None, False, _NOTHING]),
        ([{"prefix": {"equals-ignore-case": "stra"}}], ["STRASSE", "Straße"], [5]),
        ([{"prefix": {"equals-ignore-case": "ΟΔΟΣ"}}], ["οδος", "οδοσαμε"], ["οδο"]),
    ],
    ("suffix", Defined.OPERATORS): [
        ([{"suffix": ".png"}], ["a.png", ".png"], ["a.PNG", "a.png ", "png", 1, _NOTHING]),
        ([{"suffix": {"equals-ignore-case": ".png"}}], ["a.png", "a.PNG", ".Png"], ["a.jpg", "png", None]),
        ([{"suffix": {"equals-ignore-case": "tBridge"}}], ["EventBridge", "TBRIDGE"], ["bridge"]),
    ],
    ("suffix", Defined.OURS): [([{"suffix": ""}], ["", "x"], [1, None, _NOTHING])],
    ("equals-ignore-case", Defined.OPERATORS): [
        ([{"equals-ignore-case": "alice"}], ["Alice", "alice", "ALICE"], ["alicia", "", "Alice ", 5, None, _NOTHING]),
        ([{"equals-ignore-case": "EC2"}, {"equals-ignore-case": "s3"}], ["ec2", "S3"], ["ec", "s33"]),
    ],
    ("equals-ignore-case", Defined.OURS): [
        ([{"equals-ignore-case": "straße"}], ["STRASSE", "Straße"], ["strase"]),
        ([{"equals-ignore-case": "ÄÖ"}], ["äö"], ["ao"]),
        ([{"equals-ignore-case": "true"}], ["TRUE"], [True]),
    ],
    ("wildcard", Defined.OPERATORS): [
        ([{"wildcard": "dir/*.png"}], ["dir/a.png", "dir/.png", "dir/b/c.png"], ["dir/a.PNG", "adir/a.png", "dir/png"]),
        ([{"wildcard": "*/lib/*"}], ["/usr/lib/x", "/lib/"], ["lib/x", "/usr/libs/x", 1, _NOTHING]),
        ([{"wildcard": r"a\*b"}], ["a*b"], ["axb", "ab", r"a\*b"]),
        ([{"wildcard": r"a\\b*"}], [r"a\b", r"a\bc"], ["ab", r"a\\b"]),
    ],
    ("wildcard", Defined.RULER): [
        ([{"wildcard": "Simple*Service"}], ["SimpleService", "SimpleQueueService"], ["SimpleServices", "Simple"]),
        ([{"wildcard": "a*b*c*d"}], ["abcd", "a1b2c3d", "abbccd", "abcabcd"], ["abdc", "acbd", "abc"]),
        ([{"wildcard": r"*\\*"}], ["\\", r"a\b"], ["*", "a"]),
    ],
    ("wildcard", Defined.OURS): [
        ([{"wildcard": "*"}], ["", "x", "*"], [0, None, True, _NOTHING]),
        ([{"wildcard": "plain"}], ["plain"], ["plainly", ""]),
        ([{"wildcard": "aba*aba"}], ["abaaba", "aba-aba"], ["ababa", "aba"]),
        ([{"wildcard": "*ab*ab*"}], ["abab", "xabyabz"], ["ab", "aba"]),
        ([{"wildcard": "a*\n*b"}], ["a\nb", "ax\nyb"], ["ab"]),
    ],
    ("anything-but", Defined.OPERATORS): [
        ([{"anything-but": "initializing"}], ["running", "Initializing", "", 5], ["initializing", _NOTHING]),
        ([{"anything-but": 123}], [122, "123", 123.5], [123, 123.0]),
        ([{"anything-but": ["stopped", "overloaded"]}], ["running"], ["stopped", "overloaded"]),
        ([{"anything-but": [100, 200, 300]}], [150, "100"], [100, 300, 200.0]),
        ([{"anything-but": {"prefix": "init"}}], ["running", "Init"], ["init", "initializing"]),
        ([{"anything-but": {"prefix": ["init", "error"]}}], ["running"], ["initializing", "errors"]),
        ([{"anything-but": {"suffix": "ing"}}], ["stopped"], ["running", "ing"]),
        ([{"anything-but": {"suffix": [".txt", ".rtf"]}}], ["a.png", ".TXT"], ["a.txt", "b.rtf"]),
        ([{"anything-but": {"equals-ignore-case": "initializing"}}], ["running"], ["INITIALIZING", "initializing"]),
        ([{"anything-but": {"equals-ignore-case": ["Init", "Stop"]}}], ["run"], ["STOP", "init"]),
        ([{"anything-but": {"wildcard": "*/lib/*"}}], ["/usr/bin/x"], ["/usr/lib/x"]),
        ([{"anything-but": {"wildcard": ["*/lib/*", "*/bin/*"]}}], ["/usr/share/x"], ["/usr/lib/x", "/usr/bin/x"]),
    ],
    ("anything-but", Defined.OURS): [
        ([{"anything-but": "x"}], [None, True, 0], [[], {}, {"x": "y"}]),
        ([{"anything-but": 1}], [True, "1"], [1.0]),
        ([{"anything-but": {"prefix": "1"}}], [1, None, False], ["1", _NOTHING]),
        ([{"anything-but": {"suffix": "x"}}, "exact x"], ["y", "exact x"], ["other x"]),
        ([{"anything-but": [2**70]}], [2**70 + 1], [2**70, float(2**70)]),
    ],
    ("numeric", Defined.OPERATORS): [
        ([{"numeric": [">", 0, "<=", 5]}], [0.0001, 1, 5, 5.0], [0, 5.0001, -1, "3", None, True, _NOTHING]),
        ([{"numeric": ["<", 10]}], [9.999, -(10**6)], [10, 11, "9"]),
        ([{"numeric": ["=", 3.018e2]}], [301.8], [301, 302, "301.8"]),
        ([{"numeric": ["=", 100]}], [100, 100.0, 1e2], [99]),
    ],
    ("numeric", Defined.RULER): [
        ([{"numeric": [">=", -5.0e9, "<=", 5.0e9]}], [5_000_000_000, -5e9, 0], [5_000_000_001]),
        ([{"numeric": ["<=", 5]}, {"numeric": [">", 10]}], [5, 11], [6, 10]),
        ([{"numeric": [">", 0.000001]}], [0.000002], [0.000001, 0]),
    ],
    ("numeric", Defined.BY_VALUE): [
        ([{"numeric": [">", 2**64]}], [2**64 + 1, 1e30, 10**400], [2**64, float(2**64)]),
        ([{"numeric": ["=", 10**30 + 1]}], [10**30 + 1], [10**30, float(10**30)]),
        ([{"numeric": ["<", -(10**12)]}], [-(10**12) - 1], [-(10**12)]),
    ],
    ("cidr", Defined.OPERATORS): [
        ([{"cidr": "10.0.0.0/24"}], ["10.0.0.0", "10.0.0.33", "10.0.0.255"], ["10.0.1.0", "9.255.255.255", "11.0.0.1"]),
        ([{"cidr": "10.0.0.0/8"}], ["10.255.1.2"], ["11.0.0.0", "text", 10, None, _NOTHING]),
    ],
    ("cidr", Defined.RULER): [
        ([{"cidr": "2001:db8::/32"}], ["2001:db8::1", "2001:0DB8:0:0::ff"], ["2001:db9::", "10.0.0.1"]),
        ([{"cidr": "10.0.0.0/24"}, {"cidr": "fe80::/10"}], ["10.0.0.1", "fe80::1"], ["10.0.1.1", "fec0::"]),
    ],
    ("cidr", Defined.OURS): [
        ([{"cidr": "10.0.0.77/24"}], ["10.0.0.1"], ["10.0.1.77"]),
        ([{"cidr": "10.0.0.1/32"}], ["10.0.0.1"], ["10.0.0.2"]),
        ([{"cidr": "0.0.0.0/0"}], ["1.2.3.4", "::ffff:1.2.3.4"], ["::1"]),
        ([{"cidr": "::/0"}], ["::1"], ["1.2.3.4"]),
        ([{"cidr": "::ffff:10.0.0.0/104"}], ["10.1.2.3", "::ffff:10.0.0.1"], ["11.0.0.1"]),
        ([{"cidr": "10.0.0.0/8"}], [], ["010.0.0.1", "10.1", "10.0.0.1/32", " 10.0.0.1", "10.0.0.1:80", "", "1" * 99]),
    ],
    ("exists", Defined.OPERATORS): [
        ([{"exists": True}], ["x", 0, False], [_NOTHING]),
        ([{"exists": False}], [_NOTHING], ["x", 0, False]),
    ],
    ("exists", Defined.RULER): [
        ([{"exists": True}], [], [{"c1": 100}]),  # leaf nodes only: an object is no value
        ([{"exists": False}], [{"c1": 100}], []),
    ],
    ("exists", Defined.NULLS): [
        ([{"exists": True}], [None, ""], []),
        ([{"exists": False}], [], [None, ""]),
    ],
    ("exists", Defined.OURS): [
        ([{"exists": True}], [[None]], [[], [[]], [{}], {}]),
        ([{"exists": False}], [[], [[]], {}], [[0]]),
        (["s", {"exists": False}], ["s", _NOTHING], ["t", None]),
    ],
    ("lists in events", Defined.ARRAYS): [
        (["b", "c"], [["a", "b"], ["c"], "b"], [["a", "d"], [], "a"]),
        ([{"prefix": "arn:"}], [["x", "arn:1"]], [["x"]]),
        ([2], [[1, 2], [2.0]], [["2"]]),
    ],
    ("lists in events", Defined.RULER): [
        (["b"], [[["a"], ["b", "c"]], [[[["b"]]]]], [[["a"], [["c"]]]]),
        ([{"anything-but": "a"}], [["a", "b"]], [["a"], ["a", "a"]]),
        ([{"numeric": [">", 5]}], [[1, 9]], [[1, 2]]),
        ([None], [[1, None]], [[]]),
    ],
}

_PEOPLE = {
    "people": [
        {"first": "Anna", "last": "Smith", "age": 30},
        {"first": "Ben", "last": "Jones"},
        [{"first": "Cleo", "last": "Kim", "pets": [{"name": "Rex", "kind": "dog"}, {"name": "Tom", "kind": "cat"}]}],
    ]
}
_STATE = {"state": {"code": 16, "name": "running"}, "state.reason": "user"}
_METRIC: dict[str, Any] = {
    "source": "cloudwatch",
    "data": {"metric": "cpu", "namespace": "ec2", "count": 3, "limit": 301.8},
}
_COUNTS = {"$or": [{"count": [{"numeric": [">", 0, "<=", 5]}]}, {"size": [{"numeric": ["<", 10]}]}, {"limit": [301.8]}]}
_NESTED_OR = {
    "source": ["cloudwatch"],
    "data": {
        "$or": [
            {"metric": ["cpu"]},
            {"type": ["m"], "namespace": ["ec2"], "$or": [{"id": [1234]}, {"space": [1000]}]},
            {"scope": ["service"]},
        ]
    },
}

_DATA_CASES: list[tuple[str, Defined, dict[str, Any], dict[str, Any], bool]] = [
    ("and", Defined.PATTERNS, {"metric": ["cpu"], "count": [3]}, _METRIC["data"], True),
    ("and", Defined.PATTERNS, {"metric": ["cpu"], "count": [4]}, _METRIC["data"], False),
    ("and", Defined.PATTERNS, {"metric": ["cpu"], "other": ["x"]}, _METRIC["data"], False),
    ("and", Defined.PATTERNS, {"metric": ["cpu"]}, {**_METRIC["data"], "ignored": {"by": "us"}}, True),
    ("objects in lists", Defined.RULER, {"people": {"first": ["Anna"]}}, _PEOPLE, True),
    ("objects in lists", Defined.RULER, {"people": {"first": ["Anna"], "last": ["Smith"]}}, _PEOPLE, True),
    ("objects in lists", Defined.RULER, {"people": {"first": ["Anna"], "last": ["Jones"]}}, _PEOPLE, False),
    ("objects in lists", Defined.RULER, {"people": {"first": ["Cleo"], "last": ["Kim"]}}, _PEOPLE, True),
    ("objects in lists", Defined.RULER, {"people.first": ["Ben"], "people": {"last": ["Kim"]}}, _PEOPLE, False),
    ("objects in lists", Defined.RULER, {"people": {"pets": {"name": ["Rex"], "kind": ["dog"]}}}, _PEOPLE, True),
    ("objects in lists", Defined.RULER, {"people": {"pets": {"name": ["Rex"], "kind": ["cat"]}}}, _PEOPLE, False),
    ("objects in lists", Defined.RULER, {"people": {"first": ["Ben"], "pets.name": ["Rex"]}}, _PEOPLE, False),
    ("objects in lists", Defined.OURS, {"people": {"first": ["Ben"], "age": [{"exists": False}]}}, _PEOPLE, True),
    ("objects in lists", Defined.OURS, {"people": {"first": ["Anna"], "age": [{"exists": False}]}}, _PEOPLE, False),
    ("objects in lists", Defined.OURS, {"people": {"age": [{"exists": False}]}}, _PEOPLE, False),
    ("objects in lists", Defined.OURS, {"people": {"$or": [{"last": ["Kim"]}, {"age": [9]}]}}, _PEOPLE, True),
    ("dots", Defined.RULER, {"state.name": ["running"]}, _STATE, True),
    ("dots", Defined.RULER, {"state": {"name": ["running"], "code": [16]}}, _STATE, True),
    ("dots", Defined.RULER, {"state": {"reason": ["user"]}}, _STATE, True),
    ("dots", Defined.RULER, {"state.reason": ["user"], "state.code": [16]}, _STATE, True),
    ("dots", Defined.RULER, {"state.reason": ["other"]}, _STATE, False),
    ("dots", Defined.OURS, {"a.b.c": [1]}, {"a.b": {"c": 1}}, True),
    ("dots", Defined.OURS, {"a": {"b.c": [1]}}, {"a.b.c": 1}, True),
    ("$or", Defined.OPERATORS, _COUNTS, {"count": 3}, True),
    ("$or", Defined.OPERATORS, _COUNTS, {"count": 30, "size": 9}, True),
    ("$or", Defined.OPERATORS, _COUNTS, {"count": 30, "size": 90, "limit": 3.018e2}, True),
    ("$or", Defined.OPERATORS, _COUNTS, {"count": 30, "size": 90, "limit": 1}, False),
    ("$or", Defined.OPERATORS, _COUNTS, {}, False),
]

_EVENT_CASES: list[tuple[str, Defined, dict[str, Any], dict[str, Any], bool]] = [
    ("$or", Defined.OPERATORS, {"$or": [{"source": ["a"]}, {"data.metric": ["cpu"]}]}, _METRIC, True),
    ("$or", Defined.OPERATORS, {"$or": [{"source": ["a"]}, {"data.metric": ["mem"]}]}, _METRIC, False),
    ("$or", Defined.RULER, {"source": ["x"], "$or": [{"data.metric": ["cpu"]}, {"id": ["1"]}]}, _METRIC, False),
    ("$or", Defined.RULER, _NESTED_OR, _METRIC, True),
    ("$or", Defined.RULER, _NESTED_OR, {"source": "cloudwatch", "data": {"type": "m", "namespace": "ec2"}}, False),
    (
        "$or",
        Defined.RULER,
        _NESTED_OR,
        {"source": "cloudwatch", "data": {"type": "m", "namespace": "ec2", "space": 1000}},
        True,
    ),
    ("$or", Defined.RULER, _NESTED_OR, {"source": "other", "data": {"metric": "cpu"}}, False),
    (
        "$or",
        Defined.RULER,  # two of them are both to hold
        {"$or": [{"source": ["a"]}, {"type": ["t"]}], "data": {"$or": [{"x": [1]}, {"y": [1]}]}},
        {"source": "a", "data": {"y": 1}},
        True,
    ),
    (
        "$or",
        Defined.RULER,
        {"$or": [{"source": ["a"]}, {"type": ["t"]}], "data": {"$or": [{"x": [1]}, {"y": [1]}]}},
        {"source": "a", "data": {"z": 1}},
        False,
    ),
    ("$or", Defined.OURS, {"data": {"$or": [{"a": [{"exists": False}]}, {"b": [1]}]}}, {"data": {"a": 1}}, False),
    ("$or", Defined.OURS, {"data": {"$or": [{"a": [{"exists": False}]}, {"b": [1]}]}}, {"data": {}}, True),
]


def cases() -> Iterator[Case]:
    for (operator, defined), answers in _FIELD_CASES.items():
        for written, matching, others in answers:
            for values, matches in ((matching, True), (others, False)):
                for value in values:
                    data = {} if value is _NOTHING else {"x": value}
                    yield Case(operator, defined, {"data": {"x": written}}, {"data": data}, matches)
    for operator, defined, when, data, matches in _DATA_CASES:
        yield Case(operator, defined, {"data": when}, {"data": data}, matches)
    for operator, defined, when, event, matches in _EVENT_CASES:
        yield Case(operator, defined, when, event, matches)
