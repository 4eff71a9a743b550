"""The error tree: caught by who uses the clients, and with its evidence wherever it goes."""

import copy
import pickle
import subprocess
import sys

import httpx
import httpx2
import pytest
import requests

from tokenauth import errors

TREE = [errors.TokenAuthError, errors.CredentialsRejected, errors.TokenEndpointError, errors.TokenResponseError]
EVIDENCE = ("status", "code", "detail", "retry_after", "retryable", "extra")


@pytest.mark.parametrize("kind", TREE)
@pytest.mark.parametrize("root", [requests.RequestException, httpx.HTTPError, httpx2.HTTPError, errors.TokenAuthError])
def test_the_excepts_of_a_codebase_catch_it(kind: type[errors.TokenAuthError], root: type[Exception]) -> None:
    with pytest.raises(root, match="text"):
        raise kind("text")


def test_a_response_without_token_is_the_endpoints_fault() -> None:
    assert issubclass(errors.TokenResponseError, errors.TokenEndpointError)
    assert not issubclass(errors.CredentialsRejected, errors.TokenEndpointError)


@pytest.mark.parametrize("kind", TREE)
def test_evidence_survives_a_pickle_a_copy_and_again(kind: type[errors.TokenAuthError]) -> None:
    error = kind("text", status=401, code="c", detail="d", retry_after=1.5, retryable=True, extra={"type": "t"})
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), error.again()):
        assert type(twin) is kind
        assert twin is not error
        assert str(twin) == "text"
        assert [getattr(twin, name) for name in EVIDENCE] == [401, "c", "d", 1.5, True, {"type": "t"}]


class Locked(errors.CredentialsRejected):
    """A user's own, raised by a provider of his own."""

    def __init__(self, account: str, hours: int) -> None:
        super().__init__(f"{account} is locked", status=423, detail=f"{hours} h")
        self.hours = hours


def test_a_users_own_error_is_repeated_and_goes_through_a_pickle() -> None:
    error = Locked("u-1", hours=2)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), error.again(), error.again().again()):
        assert (type(twin), str(twin), twin.status, twin.detail, twin.hours) == (Locked, "u-1 is locked", 423, "2 h", 2)
    assert str(error.again(remembered=9.5)) == (
        "u-1 is locked (Remembered: no call was made. The next is in 10 s, or after auth.invalidate().)"
    )


def test_evidence_has_defaults() -> None:
    error = errors.TokenAuthError("text")
    assert [getattr(error, name) for name in EVIDENCE] == [None, None, None, None, False, {}]
    assert (error.response, error.request) == (None, None)
    error.request = "request"
    assert error.request == "request"


@pytest.mark.parametrize("kind", TREE)
def test_the_public_home_is_errors(kind: type[Exception]) -> None:
    assert kind.__module__ == "tokenauth.errors"


def test_names_are_sorted_and_others_are_refused() -> None:
    assert errors.__all__ == sorted(errors.__all__)
    assert {*errors.__all__} <= {*dir(errors)}
    with pytest.raises(AttributeError, match="NoSuchError"):
        _ = errors.NoSuchError


def test_providers_alone_import_no_client() -> None:
    code = "import sys, tokenauth.providers; print({'requests', 'httpx', 'httpx2'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
