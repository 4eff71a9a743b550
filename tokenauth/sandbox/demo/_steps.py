"""The five steps that every client goes through with every provider."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any, Final

from tokenauth import CredentialsRejected, TokenAuth
from tokenauth.sandbox._client import Sandbox
from tokenauth.sandbox.demo._cases import STEPS, Case, Counts
from tokenauth.sandbox.demo._clients import Answer, Call, Client, Script

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


def run_case(case: Case, clients: list[Client], sandbox: Sandbox) -> list[Result]:
    """Return the results of *case* with each client, one after the other."""
    results: list[Result] = []
    for number, client in enumerate(clients):
        results += _Cell(case, client, sandbox).run(f"wrong-{case.provider}-{number}-secret")
    return results


class _Cell:
    """One provider on one client. What a step came to is the difference of the server's counts."""

    def __init__(self, case: Case, client: Client, sandbox: Sandbox) -> None:
        self.case, self.client, self.sandbox = case, client, sandbox
        self.url = case.url(sandbox)
        self.results: list[Result] = []
        self._before = case.counts(sandbox)

    def run(self, wrong: str) -> list[Result]:
        auth = self.case.login(self.sandbox, None)
        auth.invalidate()
        try:
            self.client.run(auth, self._right_secret(auth))
            self.client.run(self.case.login(self.sandbox, wrong), self._wrong_secret(wrong))
        except Exception as error:  # the table must show every failure
            self._record(STEPS[len(self.results)], f"{type(error).__name__}: {error}")
        return self.results

    def _record(self, step: str, problem: str | None) -> None:
        now = self.case.counts(self.sandbox)
        counted, self._before = now - self._before, now
        self.results.append(Result(self.case.title, self.client.name, step, counted, self.case.expected[step], problem))

    def _knobs(self, **values: Any) -> None:
        self.sandbox.knobs(self.case.provider, **values)

    def _right_secret(self, auth: TokenAuth) -> Script:
        get = Call("GET", self.url)
        self._record("first", _fault((yield get)))
        self._record("cached", _fault((yield get)))
        self._knobs(revoke=True)
        self._record("revoked", _fault((yield Call("POST", self.url, BODY)), BODY))
        self._knobs(**self.case.short)
        auth.invalidate()
        short_lived = yield get
        self._knobs(lifetime=3600, expires="s")
        time.sleep(self.case.pause)
        self._record("expired", _fault(short_lived) or _fault((yield get)))

    def _wrong_secret(self, wrong: str) -> Script:
        self._record("wrong secret", _fault_of_error((yield Call("GET", self.url)), wrong))


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
