"""The five steps that every client goes through with every provider."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Final

from tokenauth import CredentialsRejected, TokenAuth
from tokenauth.sandbox._client import Sandbox
from tokenauth.sandbox.demo._cases import STEPS, Case, Counts
from tokenauth.sandbox.demo._clients import Answer, Call, Client, Pause, Script

BODY: Final = Random(2020).randbytes(100_000)  # noqa: S311 - a body, not a secret


@dataclass(frozen=True)
class Result:
    """What one step came to: the server's counts, the expected ones, and what else was wrong, if anything."""

    provider: str
    client: str
    step: str
    counted: Counts
    expected: Counts
    problem: str | None = None

    @property
    def ok(self) -> bool:
        return self.problem is None and self.counted == self.expected


class _Recorder:
    """Collects the results of one provider and client, by the difference of the server's counts."""

    def __init__(self, case: Case, client: str, sandbox: Sandbox) -> None:
        self.case = case
        self.client = client
        self.sandbox = sandbox
        self.results: list[Result] = []
        self._before = case.counts(sandbox)

    def record(self, step: str, problem: str | None) -> None:
        now = self.case.counts(self.sandbox)
        counted, self._before = now - self._before, now
        expected = self.case.expected[step]
        self.results.append(Result(self.case.title, self.client, step, counted, expected, problem))


def run_case(case: Case, clients: list[Client], sandbox: Sandbox) -> list[Result]:
    """Return the results of *case* with each client, one after the other."""
    results: list[Result] = []
    for number, client in enumerate(clients):
        results += _run_cell(case, client, sandbox, f"wrong-{case.provider}-{number}-secret")
    return results


def _run_cell(case: Case, client: Client, sandbox: Sandbox, wrong: str) -> list[Result]:
    recorder = _Recorder(case, client.name, sandbox)
    auth = case.login(sandbox, None)
    auth.invalidate()
    try:
        client.run(auth, _right_secret(recorder, auth))
        client.run(case.login(sandbox, wrong), _wrong_secret(recorder, wrong))
    except Exception as error:  # the table must show every failure
        recorder.record(STEPS[len(recorder.results)], f"{type(error).__name__}: {error}")
    return recorder.results


def _right_secret(recorder: _Recorder, auth: TokenAuth) -> Script:
    case, sandbox = recorder.case, recorder.sandbox
    url = case.url(sandbox)
    recorder.record("first", _fault((yield Call("GET", url))))
    recorder.record("cached", _fault((yield Call("GET", url))))
    sandbox.knobs(case.provider, revoke=True)
    recorder.record("revoked", _fault((yield Call("POST", url, BODY)), BODY))
    yield from _expiry(recorder, auth, url)


def _expiry(recorder: _Recorder, auth: TokenAuth, url: str) -> Script:
    case, sandbox = recorder.case, recorder.sandbox
    before = {"lifetime": 3600, "expires": "s"}
    sandbox.knobs(case.provider, **case.short)
    auth.invalidate()
    short_lived = yield Call("GET", url)
    sandbox.knobs(case.provider, **before)
    yield Pause(case.pause)
    renewed = yield Call("GET", url)
    recorder.record("expired", _fault(short_lived) or _fault(renewed))


def _wrong_secret(recorder: _Recorder, wrong: str) -> Script:
    answer = yield Call("GET", recorder.case.url(recorder.sandbox))
    recorder.record("wrong secret", _fault_of_error(answer, wrong))


def _fault(answer: Answer, body: bytes = b"") -> str | None:
    """Return what is wrong with an answer of the protected API to a request with *body*, or None."""
    if answer.error is not None:
        return f"{type(answer.error).__name__}: {answer.error}"
    if answer.status != 200:
        return f"the caller saw HTTP {answer.status}"
    arrived = json.loads(answer.content)
    if arrived["sha256"] != sha256(body).hexdigest():
        return f"of {len(body)} bytes {arrived['length']} arrived, or others"
    return None


def _fault_of_error(answer: Answer, secret: str) -> str | None:
    """Return what is wrong with the failure that a wrong *secret* led to, or None."""
    if not isinstance(answer.error, CredentialsRejected):
        return f"expected CredentialsRejected, got {answer.error!r} and HTTP {answer.status}"
    if any(secret in text for text in _texts(answer.error)):
        return "the error shows the secret"
    return None


def _texts(error: BaseException) -> Iterator[str]:
    yield from (str(error), repr(error), repr(vars(error)))
    yield from traceback.format_exception(error)
