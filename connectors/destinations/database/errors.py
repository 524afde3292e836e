"""What a database's errors mean for the hub. The decision is made by codes, never by the text of a message.

PostgreSQL: SQLSTATE, the whole code or its class (the first two characters),
https://www.postgresql.org/docs/current/errcodes-appendix.html. SQLite: the primary result code,
https://www.sqlite.org/rescode.html. An error without a code was made by the driver: the connection broke, or a
value cannot be sent at all.
"""

import sqlite3

import psycopg
from sqlalchemy import exc

from connectors.api import BadRecordError, DeliveryError, DestinationDownError, RetryableError

POSTGRESQL: dict[str, type[DeliveryError]] = {
    "01": RetryableError,  # warning
    "02": RetryableError,  # no data
    "03": RetryableError,  # statement not yet complete
    "07": RetryableError,  # dynamic SQL error
    "08": DestinationDownError,  # connection
    "09": BadRecordError,  # a trigger of the table refused the row
    "0A": DestinationDownError,  # feature not supported, such as ON CONFLICT on what is not a plain table
    "0B": RetryableError,  # transaction initiation
    "0F": RetryableError,  # locator
    "0L": DestinationDownError,  # grantor
    "0P": DestinationDownError,  # role
    "0Z": RetryableError,  # diagnostics
    "10": BadRecordError,  # XQuery error
    "20": BadRecordError,  # case not found, in a trigger
    "21": BadRecordError,  # cardinality violation
    "22": BadRecordError,  # data exception: NUL in JSON, a number out of range
    "23": BadRecordError,  # a constraint of the table
    "24": RetryableError,  # cursor state
    "25": RetryableError,  # transaction state
    "25006": DestinationDownError,  # read only: a standby, after a failover
    "26": RetryableError,  # statement name
    "27": BadRecordError,  # triggered data change
    "28": DestinationDownError,  # authorization
    "2B": DestinationDownError,  # dependent privileges
    "2D": RetryableError,  # transaction termination
    "2F": BadRecordError,  # a function of a trigger
    "34": RetryableError,  # cursor name
    "38": BadRecordError,  # an external function of a trigger
    "39": BadRecordError,
    "3B": RetryableError,  # savepoint
    "3D": DestinationDownError,  # no such database
    "3F": DestinationDownError,  # no such schema
    "40": RetryableError,  # rolled back: deadlock, serialization
    "42": DestinationDownError,  # no such table or column, no privilege: the same for every record
    "44": BadRecordError,  # WITH CHECK OPTION
    "53": RetryableError,  # resources: disk full, out of memory
    "53300": DestinationDownError,  # too many connections
    "54": BadRecordError,  # program limit: a value too large for the key's index
    "55": RetryableError,  # object state: lock timeout
    "57": DestinationDownError,  # operator intervention: shutdown, crash recovery
    "57014": RetryableError,  # cancelled: statement timeout
    "58": RetryableError,  # system error: I/O
    "72": RetryableError,  # snapshot too old
    "F0": DestinationDownError,  # the server's configuration file
    "HV": RetryableError,  # foreign data wrapper
    "P0": BadRecordError,  # RAISE in a trigger
    "XX": RetryableError,  # internal
}

SQLITE: dict[int, type[DeliveryError]] = {
    sqlite3.SQLITE_ERROR: DestinationDownError,  # no such table or column
    sqlite3.SQLITE_INTERNAL: RetryableError,
    sqlite3.SQLITE_PERM: DestinationDownError,
    sqlite3.SQLITE_ABORT: RetryableError,
    sqlite3.SQLITE_BUSY: RetryableError,
    sqlite3.SQLITE_LOCKED: RetryableError,
    sqlite3.SQLITE_NOMEM: RetryableError,
    sqlite3.SQLITE_READONLY: DestinationDownError,
    sqlite3.SQLITE_INTERRUPT: RetryableError,
    sqlite3.SQLITE_IOERR: RetryableError,
    sqlite3.SQLITE_CORRUPT: DestinationDownError,
    sqlite3.SQLITE_NOTFOUND: RetryableError,
    sqlite3.SQLITE_FULL: RetryableError,
    sqlite3.SQLITE_CANTOPEN: DestinationDownError,
    sqlite3.SQLITE_PROTOCOL: RetryableError,
    sqlite3.SQLITE_EMPTY: RetryableError,
    sqlite3.SQLITE_SCHEMA: RetryableError,
    sqlite3.SQLITE_TOOBIG: BadRecordError,
    sqlite3.SQLITE_CONSTRAINT: BadRecordError,
    sqlite3.SQLITE_MISMATCH: BadRecordError,
    sqlite3.SQLITE_MISUSE: RetryableError,
    sqlite3.SQLITE_NOLFS: DestinationDownError,
    sqlite3.SQLITE_AUTH: DestinationDownError,
    sqlite3.SQLITE_FORMAT: DestinationDownError,
    sqlite3.SQLITE_RANGE: RetryableError,
    sqlite3.SQLITE_NOTADB: DestinationDownError,
}

WITHOUT_CODE: tuple[tuple[type[Exception], type[DeliveryError]], ...] = (
    (psycopg.DataError, BadRecordError),  # a NUL in a text: psycopg refuses to send it
    (psycopg.InterfaceError, DestinationDownError),  # the connection is closed
    (psycopg.ProgrammingError, DestinationDownError),  # an option of the URL that libpq does not know
    (psycopg.OperationalError, DestinationDownError),  # it was refused, or broke
    (psycopg.Error, RetryableError),
    (sqlite3.DataError, BadRecordError),
    (sqlite3.Error, RetryableError),
    (exc.ArgumentError, DestinationDownError),  # the URL's options
    (exc.SQLAlchemyError, RetryableError),
    (UnicodeEncodeError, BadRecordError),  # half of a surrogate pair
    (OSError, DestinationDownError),  # a folder that cannot be made
)

FOREIGN = tuple(foreign for foreign, _ in WITHOUT_CODE)
"""Everything that drivers and SQLAlchemy raise on purpose."""


def delivery_error(error: Exception) -> DeliveryError:
    """Translate one of FOREIGN. The message has no parameters and no values of a row: they are the event's."""
    cause = error.orig if isinstance(error, exc.DBAPIError) and isinstance(error.orig, Exception) else error
    translated = _kind(cause)(_message(cause))
    translated.__cause__ = cause
    return translated


def _kind(error: Exception) -> type[DeliveryError]:
    if isinstance(error, psycopg.Error) and error.sqlstate:
        state = error.sqlstate
        return POSTGRESQL.get(state) or POSTGRESQL.get(state[:2], RetryableError)
    if isinstance(error, sqlite3.Error) and hasattr(error, "sqlite_errorcode"):
        return SQLITE.get(error.sqlite_errorcode & 0xFF, RetryableError)
    return next(ours for foreign, ours in WITHOUT_CODE if isinstance(error, foreign))


def _message(error: Exception) -> str:
    if isinstance(error, psycopg.Error) and error.sqlstate:
        # Only the primary line: DETAIL and CONTEXT quote the row.
        return f"PostgreSQL {error.sqlstate}: {error.diag.message_primary or type(error).__name__}"
    if isinstance(error, sqlite3.Error):
        return f"SQLite {getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}"
    if isinstance(error, UnicodeEncodeError):
        return f"a text of the event cannot be encoded as {error.encoding}: {error.reason}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
