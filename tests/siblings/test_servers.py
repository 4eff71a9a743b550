"""The servers of `tests.siblings.servers` in conversation with a plain client: what they grant, and what they refuse.

From each login follow the calls that differ from it in one thing (`slips`), none of which brings a token.
"""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest

from tests.siblings.servers import (
    SECRET,
    SIBLINGS,
    Keystone,
    QBittorrent,
    Redfish,
    Sibling,
    running,
)
from tests.siblings.talks import TALKS, Call, Moved, changed, comes_in, enters, granted, merged, says, send
from tests.support import background


@pytest.mark.parametrize("kind", SIBLINGS)
def test_the_documented_conversation(kind: type[Sibling], http: httpx.Client) -> None:
    talk, now = TALKS[kind], Moved()
    with running(kind, now) as api:
        assert not granted(talk.use(http, api, {})), "without a token"
        carried = comes_in(http, api)
        assert granted(talk.use(http, api, carried))
        now.seconds += api.lifetime - 1
        assert granted(talk.use(http, api, carried))
        now.seconds += 2
        assert granted(talk.use(http, api, carried)) == kind.sliding
        api.expire()
        assert not granted(talk.use(http, api, carried)), "it has expired"
        carried = comes_in(http, api)
        assert granted(talk.use(http, api, carried))
        api.revoke()
        assert says(talk.use(http, api, carried), talk.refused)
        assert granted(talk.use(http, api, comes_in(http, api)))
        count = api.logins + api.refreshes
        assert says(enters(http, api, "wr0ng"), talk.turned_down)
        assert (count, api.logins + api.refreshes, api.logouts, api.problems) == (3, 3, 0, [])


# calls that are not the documented one


def slips(call: Call) -> Iterator[tuple[str, Call]]:
    """Yield *call* with one thing different each, and what it is."""
    yield "method", call | {"method": "POST" if call["method"] == "GET" else "GET"}
    yield "another method", call | {"method": "PATCH"}
    yield "path", call | {"url": re.sub(r"(\?|$)", r"/more\1", call["url"], count=1)}
    if "auth" in call:
        yield "no basic", {name: each for name, each in call.items() if name != "auth"}
    if "data" in call:
        yield "JSON for a form", {name: each for name, each in call.items() if name != "data"} | {"json": call["data"]}
        content, headers = urlencode(call["data"]), call.get("headers", {}) | {"Content-Type": "text/plain"}
        yield "a form with another label", call | {"data": None, "content": content, "headers": headers}
        yield "form in the query", call | {"data": {}, "params": call["data"]}
    if "json" in call:
        plain = {name: each for name, each in call.items() if name != "json"}
        content = json.dumps(call["json"])
        yield "JSON without a label", plain | {"content": content}
        yield "a form for JSON", plain | {"data": {name: str(each) for name, each in call["json"].items()}}
        yield "no JSON", plain | {"content": content[:-1], "headers": {"Content-Type": "application/json"}}
    for part in [part for part in ("params", "data", "json", "headers") if part in call]:
        for name in call[part]:
            yield f"no {name} in {part}", changed(call, part, name)
            if name not in {"Accept", "Content-Type", "SOAPAction"}:
                yield f"another {name} in {part}", merged(call, {part: {name: "another"}})
        if part != "headers":
            yield f"one more in {part}", merged(call, {part: {"more": "1"}})
    if not {"data", "json", "content"} & set(call):
        yield "a body", call | {"content": "more"}
    if "params" not in call:
        joined = "&" if "?" in call["url"] else "?"
        yield "a parameter", call | {"url": f"{call['url']}{joined}more=1"}


@pytest.mark.parametrize("kind", SIBLINGS)
def test_a_call_that_differs_in_one_thing_brings_no_token(kind: type[Sibling], http: httpx.Client) -> None:
    talk = TALKS[kind]
    with running(kind) as api:
        count = len(list(slips(talk.login(api, http, talk.secret))))
        assert count >= 4
        for number in range(count):
            what, call = list(slips(talk.login(api, http, talk.secret)))[number]  # made anew, for it may be good once
            answer = send(http, call)
            assert (api.logins, api.refreshes) == (0, 0), (what, answer.text)
            if isinstance(api, QBittorrent):
                api.failures = 0
        assert [each for each in api.problems if each.startswith("fault")] == []
        assert api.problems
        assert granted(talk.use(http, api, comes_in(http, api)))


@pytest.mark.parametrize("kind", SIBLINGS)
def test_a_token_elsewhere_is_of_no_use(kind: type[Sibling], http: httpx.Client) -> None:
    with running(kind) as api:
        carried = comes_in(http, api)
        [token] = [each for each in api.live if each in str(carried)]
        for wrong in ({"Authorization": f"Bearer {token}"}, {"X-Auth-Token": token}, {"Cookie": f"token={token}"}):
            if wrong.items() <= carried.get("headers", {}).items():
                continue
            if kind in {Redfish, Keystone} and "X-Auth-Token" in wrong:
                continue
            assert not granted(TALKS[kind].use(http, api, {"headers": wrong})), wrong
        for part in carried:
            for name in carried[part]:
                assert not granted(TALKS[kind].use(http, api, changed(carried, part, name))), name


@pytest.mark.parametrize("kind", [kind for kind, talk in TALKS.items() if talk.always])
def test_what_a_request_must_carry_besides_is_needed(kind: type[Sibling], http: httpx.Client) -> None:
    talk = TALKS[kind]
    with running(kind) as api:
        carried = comes_in(http, api)
        for part, content in talk.always.items():
            without = {name: each for name, each in talk.always.items() if name != part}
            assert not granted(replace(talk, always=without).use(http, api, carried)), part
            for name in set(content) - {"Accept", "Amount"} if isinstance(content, dict) else ():
                less = changed(talk.always, part, name)
                assert not granted(replace(talk, always=less).use(http, api, carried)), name
        assert granted(talk.use(http, api, carried))


def test_the_clock_that_is_given_dates_the_answers(http: httpx.Client) -> None:
    with running(Keystone, lambda: 1_800_000_000.0) as api:
        response = enters(http, api)
        assert response.headers["Date"] == "Fri, 15 Jan 2027 08:00:00 GMT"
        assert response.json()["token"]["expires_at"] == "2027-01-15T09:00:00.000000Z"


def test_requests_may_be_made_to_meet(http: httpx.Client) -> None:
    with running(Keystone) as api:
        meeting = threading.Barrier(2, timeout=10)
        api.before = lambda request: meeting.wait()
        login = TALKS[Keystone].login(api, http, SECRET)
        calls = [background(lambda: http.request(**login)) for _ in range(2)]
        assert [call.result(20).status_code for call in calls] == [201, 201]
        assert api.logins == 2


def test_every_sibling_has_a_talk() -> None:
    assert list(TALKS) == list(SIBLINGS)
    assert len(SIBLINGS) == 27
