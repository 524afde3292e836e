"""Making very many objects that stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Python's collector would walk over them again and again while they are made: for 100,000 routes longer than the
    making takes. It is the process's, so other threads make do without it for these seconds, too.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
