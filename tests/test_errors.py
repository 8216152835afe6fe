from __future__ import annotations

import inspect
import pickle

import pytest

import crawler
from crawler import errors
from crawler.errors import (
    ConfigurationError,
    CrawlerError,
    FetchError,
    FetchTimeoutError,
    ParseError,
    StatusError,
)

CLASSES = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, CrawlerError)]
SAMPLES = [
    *(cls("what happened") for cls in CLASSES),
    StatusError("429 Too Many Requests", 429, 12.5),
    ParseError("KeyError: 'price'", "Traceback (most recent call last): …"),
    ConfigurationError.of("workers", -1, "a whole number of at least 1"),
]


def named(value: object) -> str:
    return type(value).__name__


def test_the_module_holds_errors_of_one_tree_alone() -> None:
    own = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__]
    assert own == CLASSES
    assert len(own) >= 15


@pytest.mark.parametrize("error", SAMPLES, ids=named)
def test_every_error_survives_pickling_with_its_message_and_fields(error: CrawlerError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  # its own bytes
    assert type(copy) is type(error)
    assert (str(copy), copy.args, vars(copy)) == (str(error), error.args, vars(error))


@pytest.mark.parametrize("error", SAMPLES, ids=named)
def test_every_error_says_its_message_and_nothing_else(error: CrawlerError) -> None:
    assert str(error) == error.args[0]


@pytest.mark.parametrize(
    "name", [cls.__name__ for cls in CLASSES if cls.__name__ not in {"LimitReachedError", "LedgerError"}]
)
def test_every_error_that_users_meet_is_exported(name: str) -> None:
    assert name in crawler.__all__


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(errors.InvalidURLError, ValueError)
    assert issubclass(errors.ClosedError, RuntimeError)
    assert issubclass(FetchTimeoutError, TimeoutError)


def test_whatever_a_fetch_ends_in_is_a_fetch_error_and_nothing_else_is() -> None:
    expected = {
        "BlockedAddressError",
        "BodyTooLargeError",
        "ConnectError",
        "ContentTypeError",
        "DecodingError",
        "FetchError",
        "FetchTimeoutError",
        "HostDownError",
        "InvalidRequestError",
        "NotCachedError",
        "OpenFilesError",
        "OutOfScopeError",
        "ProtocolError",
        "ProxyError",
        "ResolveError",
        "RobotsDeniedError",
        "StatusError",
        "TLSError",
        "TooManyRedirectsError",
    }
    assert {cls.__name__ for cls in CLASSES if issubclass(cls, FetchError)} == expected


def test_a_configuration_error_names_option_value_and_remedy() -> None:
    error = ConfigurationError.of("delay", -2.5, "a number of seconds of at least 0")
    assert str(error) == "delay=-2.5: expected a number of seconds of at least 0"


def test_a_status_error_without_details_has_neutral_ones() -> None:
    error = StatusError("teapot")
    assert (error.status, error.retry_after) == (0, None)
