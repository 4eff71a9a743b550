"""A model of everything that may happen to the flow, in virtual time: no thread, loop or socket.

Each request is the real story of an adapter (`httpx_story`) over the real `obtain`, played by hand: hypothesis
says which request goes on next, what the token endpoint answers, who is cancelled or killed, and how time passes.
"""

import os
from collections.abc import Generator
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support import ManualClock, with_clock
from tokenauth import Token, TokenAuth, TokenAuthError, errors
from tokenauth._clients.steps import Obtain, Step
from tokenauth._core.effects import Call, Exchange, Pause, Wait
from tokenauth._core.flights import Flight
from tokenauth._core.flow import obtain
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.secrets import Secret
from tokenauth._io.token_call import TokenCall, Unreachable
from tokenauth.providers import Provider

pytestmark = pytest.mark.timeout(600)  # it takes 15 s, of a processor that is its own
TIMEOUT = 10.0
_users = count(1)


class Cancelled(BaseException):
    """What a cancelled task meets."""


@dataclass
class Account:
    """A credential, as its own token endpoint and API know it."""

    name: str
    discards_older: bool = False
    refreshes: bool = False
    password: str = "right"
    """What the endpoint takes."""
    typed: str = "right"
    """What the user's callable returns."""
    lifetime: float | None = 20.0
    absolute: bool = False
    fault: str = ""
    valid: dict[str, float] = field(default_factory=dict)
    """Tokens, and the moment at which each expires."""
    refresh_tokens: set[str] = field(default_factory=set)
    refreshes_seen: list[str] = field(default_factory=list)
    last: str = ""
    numbers: Any = field(default_factory=lambda: count(1))

    def answer(self, request: TokenRequest, now: float) -> tuple[int, dict[str, str], bytes]:
        """Answer a token call at *now*; Unreachable where the network fails."""
        date = {"date": formatdate(now, usegmt=True)}
        refresh_token = request.body.decode()
        if self.fault == "unreachable":
            raise Unreachable("no route", connected=False, sent=False)
        if refresh_token:
            assert refresh_token not in self.refreshes_seen, "a refresh token was spent twice"
            self.refreshes_seen.append(refresh_token)
        if self.fault:
            status, _, pause = self.fault.partition(" ")
            return int(status), date | ({"retry-after": pause} if pause else {}), b"{"
        if refresh_token and refresh_token not in self.refresh_tokens:
            return 400, date, b"{}"
        if not refresh_token and request.headers["x-password"] != self.password:
            return 401, date, b"{}"
        return 200, date, repr(self.issue(now)).encode()

    def issue(self, now: float) -> dict[str, Any]:
        number = next(self.numbers)
        if self.discards_older:
            self.valid.clear()
        token = self.last = f"{self.name}-{number}"
        self.valid[token] = now + (self.lifetime if self.lifetime is not None else 1e9)
        answer: dict[str, Any] = {"token": token}
        if self.lifetime is not None:
            answer |= {"expires_at": now + self.lifetime} if self.absolute else {"lifetime": self.lifetime}
        if self.refreshes:
            answer["refresh_token"] = f"refresh-{token}"
            self.refresh_tokens = {answer["refresh_token"]}
        return answer


class ModelProvider(Provider):
    def __init__(self, account: Account) -> None:
        self.account = account
        self.name = account.name
        self.token_url = f"https://{account.name}.example/token"
        self.secrets = (Secret("password", self._typed),)
        self.discards_older = account.discards_older
        self.refreshes = account.refreshes

    def _typed(self) -> str:
        return self.account.typed

    @property
    def identity(self) -> tuple[str, ...]:
        return (self.token_url,)

    def request(self, refresh_token: str | None = None) -> TokenRequest:
        headers = {"x-password": self.secrets[0].reveal()}
        return TokenRequest("POST", self.token_url, headers, (refresh_token or "").encode())

    def read(self, reply: Reply) -> Token:
        if reply.status in {400, 401, 403}:
            raise errors.CredentialsRejected("refused", status=reply.status)
        if not reply.ok:
            pause = float(reply.headers["retry-after"]) if "retry-after" in reply.headers else None
            raise errors.TokenEndpointError("failed", status=reply.status, retry_after=pause, retryable=True)
        if reply.body == b"{":
            raise errors.TokenResponseError("cut", status=reply.status, retryable=True)
        return Token(**{{"token": "value"}.get(name, name): value for name, value in eval(reply.body).items()})


@dataclass(frozen=True)
class Send:
    """The adapter sends this request; its result is a response."""

    request: Any


def request_story(auth: TokenAuth, request: httpx.Request) -> Generator[Any, Any, Any]:
    """One request as the client plays it, with the flow's effects let through."""
    story = auth._story
    sent = story.ready(request) or (yield from _played(auth, story.begin(request)))
    response = yield Send(request)
    if sent is not None and story.counts(request, sent, response):
        again = yield from _played(auth, story.again(sent, response))
        if again is not None:
            yield Send(again.request)


def _played(auth: TokenAuth, steps: Generator[Step, Any, Any]) -> Generator[Any, Any, Any]:
    try:
        step = next(steps)
        while True:
            result = (yield from obtain(auth._source, step.rejected)) if isinstance(step, Obtain) else None
            step = steps.send(result)
    except StopIteration as end:
        return end.value


@dataclass(eq=False)
class Task:
    account: Account
    story: Any
    origin: str
    effect: Any = None
    token_call: TokenCall | None = None
    answer: Any = None
    """What the endpoint has answered already, while it is still on its way."""
    until: float = 0.0
    leads: Flight | None = None
    exchanges: int = 0
    sent: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    alone: bool = False
    """Whether its caller was cancelled: its flow goes on, and no request follows."""
    asleep: bool = True
    """Whether it has neither led nor waited since it last sent a request: its token came from the cache."""


PICK = st.integers(0, 40)
FAULTS = ["", "unreachable", "503", "503 2", "429 4", "429 600", "302", "200"]


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.start = self.clock.monotonic_now
        number = next(_users)
        self.accounts = [
            Account(f"plain{number}"),
            Account(f"single{number}", discards_older=True),
            Account(f"refreshing{number}", refreshes=True),
        ]
        self.auths: list[tuple[Account, TokenAuth]] = []
        for account in self.accounts:
            provider, cache = ModelProvider(account), dict[Any, Any]()
            for origins in ([], [f"https://more.{account.name}.example"]):
                auth = with_clock(TokenAuth(provider, cache=cache, timeout=TIMEOUT, origins=origins), self.clock)
                auth._source.credential.uniform = lambda low, high: (low + high) / 2
                self.auths.append((account, auth))
        assert self.auths[0][1]._source.tokens.key == self.auths[1][1]._source.tokens.key
        self.tasks: list[Task] = []
        self.killed: list[Task] = []
        self.rejections: dict[str, tuple[float, str]] = {}
        """When each account's endpoint last told us that a password is wrong, and which."""

    @property
    def now(self) -> float:
        return self.clock.monotonic_now

    @property
    def server_now(self) -> float:
        """The servers' clocks are right, whatever jumps this machine's wall clock makes."""
        return 1_800_000_000.0 + self.now - self.start

    # what happens

    @rule(pick=PICK, where=st.sampled_from(["home", "more", "foreign", "other account"]))
    def begin(self, pick: int, where: str) -> None:
        account, auth = self.auths[pick % len(self.auths)]
        other = self.accounts[(self.accounts.index(account) + 1) % len(self.accounts)]
        origin = {
            "home": f"https://{account.name}.example",
            "more": f"https://more.{account.name}.example",
            "foreign": f"https://{account.name}.example.evil.example",
            "other account": f"https://{other.name}.example",
        }[where]
        task = Task(account, request_story(auth, httpx.Request("GET", f"{origin}/api")), origin)
        self.tasks.append(task)
        self._on(task, None)

    @precondition(lambda self: self.tasks)
    @rule(pick=PICK)
    def go_on(self, pick: int) -> None:
        task = self.tasks[pick % len(self.tasks)]
        if self._ready(task):
            self._perform(task)

    @precondition(lambda self: self.tasks)
    @rule(pick=PICK, steps=st.integers(2, 8))
    def go_on_for_long(self, pick: int, steps: int) -> None:
        task = self.tasks[pick % len(self.tasks)]
        for _ in range(steps):
            if task in self.tasks and self._ready(task):
                self._perform(task)

    @precondition(lambda self: any(isinstance(task.effect, Exchange) for task in self.tasks))
    @rule(pick=PICK)
    def the_endpoint_answers_and_its_answer_is_on_its_way(self, pick: int) -> None:
        calls = [task for task in self.tasks if isinstance(task.effect, Exchange) and task.answer is None]
        if calls:
            self._ask_endpoint(calls[pick % len(calls)])

    @precondition(lambda self: self.tasks)
    @rule(pick=PICK, closed=st.booleans())
    def cancel(self, pick: int, closed: bool) -> None:
        task = self.tasks[pick % len(self.tasks)]
        if isinstance(task.effect, Exchange | Pause) or (isinstance(task.effect, Call) and task.effect.blocks):
            task.alone = True
        elif closed:
            task.story.close()
            self._end(task)
        else:
            self._on(task, problem=Cancelled())
            assert task not in self.tasks

    @precondition(lambda self: any(task.leads for task in self.tasks))
    @rule(pick=PICK)
    def kill_a_leader(self, pick: int) -> None:
        """Between two instructions: nothing of it ever runs again, not even `finally`."""
        leaders = [task for task in self.tasks if task.leads]
        task = leaders[pick % len(leaders)]
        self.tasks.remove(task)
        self.killed.append(task)

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 4.0, 12.0, 21.0, 61.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.move(seconds)

    @rule(seconds=st.sampled_from([-7200.0, -5.0, 5.0, 86400.0]))
    def the_wall_clock_jumps(self, seconds: float) -> None:
        self.clock.wall_now += seconds

    @rule(pick=PICK)
    def revoke(self, pick: int) -> None:
        self.accounts[pick % 3].valid.clear()

    @rule(pick=PICK, fault=st.sampled_from(FAULTS))
    def the_endpoint_changes(self, pick: int, fault: str) -> None:
        self.accounts[pick % 3].fault = fault

    @rule(pick=PICK, lifetime=st.sampled_from([0.0, 1.0, 20.0, 3600.0, None]), absolute=st.booleans())
    def lifetimes_change(self, pick: int, lifetime: float | None, absolute: bool) -> None:
        self.accounts[pick % 3].lifetime = lifetime
        self.accounts[pick % 3].absolute = absolute

    @rule(pick=PICK, typed=st.sampled_from(["right", "wrong", "wronger"]))
    def another_password(self, pick: int, typed: str) -> None:
        self.accounts[pick % 3].typed = typed

    @rule(pick=PICK)
    def invalidate(self, pick: int) -> None:
        account, auth = self.auths[pick % len(self.auths)]
        auth.invalidate()
        self.rejections.pop(account.name, None)

    # what must hold

    @invariant()
    def one_login_at_most_is_in_flight(self) -> None:
        for account in self.accounts:
            calls = [
                task
                for task in self.tasks
                if task.account is account and isinstance(task.effect, Exchange) and self.now < task.effect.deadline
            ]
            assert len(calls) <= 1, "two logins at the same time"

    @invariant()
    def nobody_waits_for_nothing(self) -> None:
        leading = {id(task.leads) for task in [*self.tasks, *self.killed] if task.leads}
        for task in self.tasks:
            if isinstance(task.effect, Wait) and not task.effect.flight.future.done():
                assert id(task.effect.flight) in leading, "somebody waits for a flight that nobody leads"
                assert task.effect.deadline <= self.now + TIMEOUT

    def teardown(self) -> None:
        """Whatever has happened, every request ends: let all go on, in turn."""
        for _ in range(400):
            if not self.tasks:
                break
            ready = [task for task in self.tasks if self._ready(task)]
            for task in ready:
                if task in self.tasks:
                    self._perform(task)
            if not ready:
                self.clock.move(1.0)
            self.one_login_at_most_is_in_flight()
            self.nobody_waits_for_nothing()
        assert not self.tasks, "a request never ends"
        killed = {id(task.leads) for task in self.killed}
        flights = [flight for _, auth in self.auths for flight in auth._source.flights._flights.values()]
        left = [flight for flight in flights if id(flight) not in killed]
        assert not left, "a flight stays behind"
        for task in self.killed:
            task.story.close()

    # the scheduler

    def _ready(self, task: Task) -> bool:
        match task.effect:
            case Wait(flight, deadline):
                return flight.future.done() or self.now >= deadline
            case Pause():
                return self.now >= task.until
        return True

    def _perform(self, task: Task) -> None:
        try:
            result = self._result(task)
        except Exception as problem:
            self._on(task, problem=problem)
        else:
            self._on(task, result)

    def _result(self, task: Task) -> Any:
        match task.effect:
            case Call(function):
                return function()
            case Exchange(_, _, deadline):
                assert task.token_call is not None
                if self.now >= deadline:
                    raise task.token_call.failed(None)
                if task.answer is None:
                    self._ask_endpoint(task)
                if isinstance(task.answer, Unreachable):
                    raise task.token_call.failed(task.answer)
                if task.answer[0] == 401:
                    self.rejections[task.account.name] = self.now, task.effect.request.headers["x-password"]
                return task.token_call.answered(task.answer)
            case Wait(flight):
                return flight.brought()
            case Send(request):
                return self._send(task, request)

    def _ask_endpoint(self, task: Task) -> None:
        try:
            task.answer = task.account.answer(task.effect.request, self.server_now)
        except Unreachable as problem:
            task.answer = problem

    def _send(self, task: Task, request: httpx.Request) -> httpx.Response:
        account, carried = task.account, request.headers.get("authorization", "").removeprefix("Bearer ")
        good = account.valid.get(carried, 0.0) > self.server_now
        task.statuses.append(200 if good else 401)
        return httpx.Response(task.statuses[-1], request=request)

    def _on(self, task: Task, result: Any = None, problem: BaseException | None = None) -> None:
        """Send *result* to the story, or throw *problem*, and look at what it wants next."""
        before = task.effect
        try:
            task.effect = task.story.send(result) if problem is None else task.story.throw(problem)
        except (StopIteration, TokenAuthError, Cancelled):
            self._end(task)
            return
        task.answer = None
        self._look_at(task, before)

    def _look_at(self, task: Task, before: Any) -> None:
        match task.effect:
            case Exchange(request, flight):
                task.exchanges += not request.body
                assert task.exchanges <= 3, "more than two more tries"
                assert task.effect.deadline <= self.now + TIMEOUT
                task.token_call = TokenCall(task.effect, self.clock.clock)
                task.leads = flight
                self._check_login(task, request)
            case Call(_, flight, deadline):
                assert self.now < deadline or not isinstance(before, Exchange), "a login when time was up"
                task.leads = flight
            case Pause(seconds):
                assert isinstance(before, Exchange)
                task.until = self.now + seconds
            case Send() if task.alone:
                task.story.close()
                self._end(task)
            case Send(request):
                self._check_request(task, request)
                task.leads, task.exchanges, task.asleep = None, 0, True
        if isinstance(task.effect, Call | Exchange | Wait):
            task.asleep = False

    def _check_login(self, task: Task, request: TokenRequest) -> None:
        account, now = task.account, self.server_now
        if not request.body and account.name in self.rejections:
            when, password = self.rejections[account.name]
            if password == request.headers["x-password"]:
                assert self.now - when >= 60, "a wrong password was tried again within a minute"
        if account.discards_older:
            held = self._held(account)
            usable = held is not None and self.now < held.usable_until
            assert not usable or account.valid.get(held.token.value, 0.0) <= now, "a good token was thrown away"

    def _held(self, account: Account) -> Any:
        return next(auth._source.tokens.held() for each, auth in self.auths if each is account)

    def _check_request(self, task: Task, request: httpx.Request) -> None:
        assert len(task.statuses) < 2, "more than one retry"
        header = request.headers.get("authorization", "")
        account = task.account
        home = {f"https://{account.name}.example", f"https://more.{account.name}.example"}
        if not header:
            return
        assert task.origin in home, "a token went abroad"
        token = header.removeprefix("Bearer ")
        assert token.startswith(account.name), "another account's token"
        assert token not in task.sent, "the token that got the 401 was sent again"
        task.sent.append(token)
        if task.asleep and len(task.sent) == 1 and token in account.valid:
            slack = 1.0 if account.absolute else 0.0  # Date counts whole seconds
            assert account.valid[token] + slack > self.server_now, "an expired token came from the cache"

    def _end(self, task: Task) -> None:
        task.leads = None
        self.tasks.remove(task)


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=3 * settings().max_examples // 2,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    report_multiple_bugs=False,
    phases=[Phase.generate] if "MUTANT_UNDER_TEST" in os.environ else list(Phase),  # mutmut: a yes or no is enough
)
