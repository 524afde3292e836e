"""The table of errors is complete, and goes by codes."""

import sqlite3

import psycopg
import pytest
from sqlalchemy import exc

from connectors.api import BadRecordError, DeliveryError, DestinationDownError, RetryableError
from connectors.destinations.database.errors import FOREIGN, POSTGRESQL, SQLITE, delivery_error

SQLSTATES = sorted(
    {
        error.sqlstate
        for error in vars(psycopg.errors).values()
        if isinstance(error, type) and issubclass(error, psycopg.Error) and error.sqlstate
    }
)


def test_every_error_class_of_postgresql_is_in_the_table() -> None:
    assert len(SQLSTATES) > 200
    assert {state[:2] for state in SQLSTATES} <= set(POSTGRESQL)


def test_every_result_code_of_sqlite_is_in_the_table() -> None:
    # 1 to 26 are the errors of rescode.html; 27 and 28 are for its log callback, 0, 100 and 101 are success.
    assert set(SQLITE) == set(range(1, 27))


def test_an_extended_code_of_sqlite_means_what_its_primary_code_means() -> None:
    foreign = sqlite3.OperationalError("database is locked")
    foreign.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
    assert type(delivery_error(foreign)) is RetryableError


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("08006", DestinationDownError),  # connection failure
        ("28P01", DestinationDownError),  # password
        ("3D000", DestinationDownError),  # no such database
        ("42P01", DestinationDownError),  # no such table
        ("42501", DestinationDownError),  # no privilege
        ("53300", DestinationDownError),  # too many connections
        ("57P01", DestinationDownError),  # shutdown
        ("57P03", DestinationDownError),  # starting up
        ("25006", DestinationDownError),  # a standby
        ("40001", RetryableError),  # serialization
        ("40P01", RetryableError),  # deadlock
        ("53100", RetryableError),  # disk full
        ("55P03", RetryableError),  # lock timeout
        ("57014", RetryableError),  # statement timeout
        ("XX001", RetryableError),  # corrupted, or a bug
        ("22P05", BadRecordError),  # NUL in JSON
        ("22003", BadRecordError),  # a number out of range
        ("23514", BadRecordError),  # a check constraint
        ("54000", BadRecordError),  # too large for the index
    ],
)
def test_a_state_of_postgresql_means(state: str, expected: type[DeliveryError]) -> None:
    foreign = psycopg.errors.lookup(state)("text")
    assert type(delivery_error(foreign)) is expected
    assert type(delivery_error(exc.DBAPIError("INSERT", ("secret",), foreign))) is expected


def test_a_state_that_postgresql_adds_one_day_is_tried_again() -> None:
    class NewError(psycopg.Error):
        sqlstate = "ZZ999"

    assert type(delivery_error(NewError("text"))) is RetryableError


def test_every_exception_of_drivers_and_sqlalchemy_is_translated() -> None:
    modules = (psycopg.errors, sqlite3, exc)
    foreign = {
        error
        for module in modules
        for error in vars(module).values()
        if isinstance(error, type) and issubclass(error, Exception) and not issubclass(error, Warning)
    }
    strangers = {error for error in foreign if not issubclass(error, FOREIGN)}
    # DB-API asks for a Warning class, which neither driver raises; the last is for asynchronous drivers.
    assert strangers == {psycopg.Warning, sqlite3.Warning, exc.EmulatedDBAPIException}


def test_a_message_quotes_no_values() -> None:
    foreign = exc.IntegrityError("INSERT INTO t", {"data": "the event"}, sqlite3.IntegrityError("UNIQUE failed: t.id"))
    assert str(delivery_error(foreign)) == "SQLite IntegrityError: UNIQUE failed: t.id"
