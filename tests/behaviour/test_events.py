"""`on_event`: what a program is told of, the same on every client."""

import pytest

from tests.clients import CLIENTS, Client, Get
from tests.servers import Reply
from tests.support import ManualClock, TokenServer, with_clock, without_pauses
from tokenauth import Event, TokenAuthError


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_login_a_warm_request_and_a_renewal_are_told_of(client: Client, server: TokenServer) -> None:
    events: list[Event] = []
    auth = server.auth(on_event=events.append)
    client.play(auth, *[Get(server.api)] * 2)
    server.revoke()
    client.get(auth, server.api)
    assert kinds(events) == ["started", "fetched", "hit", "hit", "rejected", "started", "fetched"]
    first, renewed = (event for event in events if event.kind == "fetched")
    assert first.url == server.url + "/token"
    assert first.seconds is not None
    assert first.seconds >= 0
    prints = [event.fingerprint for event in events if event.kind != "started"]
    assert prints == [first.fingerprint] * 4 + [renewed.fingerprint]
    assert first.fingerprint != renewed.fingerprint


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_failing_login_its_retries_and_who_is_spared_another_are_told_of(
    client: Client, server: TokenServer, clock: ManualClock
) -> None:
    events: list[Event] = []
    server.answer = lambda request: Reply(503) if request.path == "/token" else None
    auth = without_pauses(with_clock(server.auth(on_event=events.append), clock))
    for _ in range(2):
        with pytest.raises(TokenAuthError):
            client.get(auth, server.api)
    assert kinds(events) == ["started", "retried", "retried", "failed", "remembered"]
    assert [type(event.error).__name__ for event in events[1:]] == ["TokenEndpointError"] * 4


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_an_early_refresh_is_told_of(client: Client, server: TokenServer, clock: ManualClock) -> None:
    events: list[Event] = []
    auth = with_clock(server.auth(on_event=events.append), clock)
    client.get(auth, server.api)
    clock.move(0.9 * 3600)
    client.get(auth, server.api)
    assert kinds(events) == ["started", "fetched", "hit", "refreshing", "started", "fetched"]


@pytest.mark.parametrize("client", CLIENTS, ids=repr)
def test_a_request_to_a_foreign_origin_is_told_of_once(client: Client, server: TokenServer) -> None:
    events: list[Event] = []
    auth = server.auth(on_event=events.append)
    foreign = server.api.replace("127.0.0.1", "localhost")
    client.play(auth, *[Get(foreign)] * 2)
    assert [(event.kind, event.origin) for event in events] == [("foreign", foreign.removesuffix("/api"))]


def test_what_an_on_event_does_itself_is_not_told_of(server: TokenServer) -> None:
    """Or one that sends a request by the same auth object would never end."""
    from tests.clients import BLOCKING

    client, events = BLOCKING[0], []

    def tell(event: Event) -> None:
        events.append(event)
        if event.kind == "hit":
            client.get(auth, server.api)

    auth = server.auth(on_event=tell)
    client.play(auth, *[Get(server.api)] * 2)
    assert kinds(events) == ["started", "fetched", "hit"]
