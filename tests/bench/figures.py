"""What is measured, the median of several rounds, and the table: the hub, what it is compared with, ratio and aim."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from statistics import median

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement. Latencies are in milliseconds, CPU time in microseconds of the measured process per event."""

    rate: float | None = None
    p50: float | None = None
    p99: float | None = None
    cpu: float | None = None

    def __str__(self) -> str:
        shown = (
            ("{:,.0f}/s", self.rate),
            ("p50 {:.1f} ms", self.p50),
            ("p99 {:.1f} ms", self.p99),
            ("{:.0f} µs CPU", self.cpu),
        )
        return "  ".join(form.format(value) for form, value in shown if value is not None)


@dataclass(frozen=True, slots=True)
class Check:
    """A ratio within this run and what it should be: at least ``aim``, or at most."""

    of: str
    ratio: float
    aim: float
    at_most: bool = False

    @property
    def met(self) -> bool:
        return self.ratio <= self.aim if self.at_most else self.ratio >= self.aim


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    hub: Figures | str
    beside: Figures | str = ""
    reference: str = ""
    checks: Sequence[Check] = ()


def medians(rounds: Sequence[Figures]) -> Figures:
    """Of each figure by itself; all rounds have the same ones."""
    return Figures(**{field.name: _median([getattr(each, field.name) for each in rounds]) for field in fields(Figures)})


def rate_at_least(aim: float, hub: Figures, beside: Figures) -> Check:
    return Check("rate", _ratio(hub.rate, beside.rate), aim)


def latency_at_most(p50: float, p99: float, hub: Figures, beside: Figures) -> tuple[Check, Check]:
    return (
        Check("p50", _ratio(hub.p50, beside.p50), p50, at_most=True),
        Check("p99", _ratio(hub.p99, beside.p99), p99, at_most=True),
    )


def percentile(sorted_values: Sequence[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def table(rows: Iterable[Row], title: str) -> Table:
    shown = Table(title=title, title_justify="left", show_lines=True)
    for column in ("", "hub", "beside", "beside is", "ratio", "aim"):
        shown.add_column(column, overflow="fold")
    for row in rows:
        ratios = "\n".join(f"{_mark(check)} {check.of} {check.ratio:.2f}" for check in row.checks)
        aims = "\n".join(f"{'≤' if check.at_most else '≥'} {check.aim:g}" for check in row.checks)
        shown.add_row(row.what, str(row.hub), str(row.beside), row.reference, ratios, aims)
    return shown


def _mark(check: Check) -> str:
    return "[green]✓[/]" if check.met else "[red]✗[/]"


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _ratio(one: float | None, other: float | None) -> float:
    assert one is not None
    assert other
    return one / other
