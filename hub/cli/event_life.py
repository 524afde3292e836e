"""What became of an event's deliveries, in lines for a terminal."""

from hub.cli.printing import outcome_line, printable, shown_run, shown_time
from hub.ledger.life import DeadLetter, Life, WaitingRecord
from schemas.decision import DecidedDelivery
from schemas.identity import DeliveryKey


def delivery_lines(life: Life, delivery: DecidedDelivery) -> list[str]:
    """What became of one delivery: a line for each attempt, and one for each place where it waits or ended up."""
    lines = []
    for run in life.runs_of(delivery.delivery):
        key = DeliveryKey(delivery.delivery, run)
        lines += [outcome_line(one) for one in life.outcomes if one.key == key]
        lines += [_letter_line(one) for one in life.dead_letters if (one.delivery, one.run) == key]
        lines += [_waiting_line(one) for one in life.waiting if (one.delivery, one.run) == key]
    return lines or ["on its way"]


def _letter_line(letter: DeadLetter) -> str:
    error = f"  {printable(letter.error)}" if letter.error else ""
    return f"{shown_time(letter.written)}  dead letter{shown_run(letter.run)}, offset {letter.offset}{error}"


def _waiting_line(waiting: WaitingRecord) -> str:
    when = "" if waiting.due is None else f" until {shown_time(waiting.due)}"
    begun = f" after {waiting.attempt} {'attempts' if waiting.attempt > 1 else 'attempt'}" if waiting.attempt else ""
    return f"waits in {waiting.topic}{when}{begun}{shown_run(waiting.run)}, offset {waiting.offset}"
