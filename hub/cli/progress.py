"""Progress of long work, on standard error and on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Somebody waits for what may take minutes, and nobody knows how many."""
    console = Console(stderr=True)
    with console.status(f"reading {what} …") if console.is_terminal else nullcontext():
        yield


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """What is given advances the bar by so many; call it from any thread."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)
