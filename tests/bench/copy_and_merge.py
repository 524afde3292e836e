"""What delivering into PostgreSQL is compared with: the same rows by COPY and one merge per batch, and nothing else.

``python -m tests.bench.copy_and_merge --url U --table T --rows N`` prints JSON: rows per second, CPU µs per row.
"""

import argparse
import sys
import time

import orjson
import psycopg

from connectors.destinations.database.rows import COLUMNS
from hub.config.model import Batching
from tests.bench.preload import event

_TYPES = {"time": "timestamptz", "received": "timestamptz", "metadata": "jsonb", "data": "jsonb"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--table", required=True)
    parser.add_argument("--rows", type=int, required=True)
    given = parser.parse_args()
    rows = [row(number) for number in range(given.rows)]
    size = Batching().max_records
    columns = ", ".join(COLUMNS)
    declared = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in COLUMNS)
    updates = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in {"source", "id"})
    merge = (
        f"INSERT INTO {given.table} ({columns}) SELECT {columns} FROM staging "
        f"ON CONFLICT (source, id) DO UPDATE SET {updates}"
    )
    with psycopg.connect(given.url) as connection:
        connection.execute(f"CREATE TABLE {given.table} ({declared}, PRIMARY KEY (source, id))".encode())
        connection.execute(f"CREATE TEMPORARY TABLE staging ({declared}) ON COMMIT DELETE ROWS".encode())
        connection.commit()
        began, cpu = time.perf_counter(), time.process_time()
        for start in range(0, len(rows), size):
            with connection.cursor() as cursor, cursor.copy(f"COPY staging ({columns}) FROM STDIN".encode()) as copy:
                for values in rows[start : start + size]:
                    copy.write_row(values)
            connection.execute(merge.encode())
            connection.commit()
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
    sys.stdout.buffer.write(orjson.dumps({"rate": len(rows) / seconds, "cpu": used / len(rows) * 1e6}))


def row(number: int) -> tuple[str | None, ...]:
    """What the destination makes of the same event."""
    each = event(number)
    assert each.time is not None
    delivery = f"{each.source}/{each.id}~{each.digest[:12]}:to-warehouse:warehouse"
    return (
        each.source,
        each.id,
        each.type,
        each.subject,
        each.time.isoformat(),
        each.received.isoformat(),
        "{}",
        each.body.decode(),
        "to-warehouse",
        delivery,
    )


if __name__ == "__main__":
    main()
