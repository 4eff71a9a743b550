"""Each sibling API, described by its recipe on docs/apis/recipes.md, on every client.

The server counts as a problem whatever its API's documentation doesn't have.
"""

import math
import subprocess
import sys
from typing import Any

import pytest

from tests.clients import CLIENTS, Client, Request, leave
from tests.siblings import page
from tests.siblings.described import DESCRIBED, RECIPES, SECRET
from tests.siblings.servers import USER, Feishu, SlidingSession, TwoSessions, WeChat, running
from tests.siblings.talks import TALKS
from tokenauth import CredentialsRejected

every_client = pytest.mark.parametrize("client", CLIENTS, ids=repr)
every_api = pytest.mark.parametrize("kind", DESCRIBED, ids=lambda kind: kind.__name__)


def use(kind: type[Any], api: Any) -> Request:
    talk = TALKS[kind]
    body: dict[str, Any] = {name: each for name, each in talk.always.items() if name != "auth"}
    return Request(talk.method, api.servers[talk.host].url + talk.resource, body)


@every_client
@every_api
@pytest.mark.diagonal
def test_first_request_reuse_revocation_renewal_expiry(kind: type[Any], client: Client) -> None:
    with running(kind) as api:
        auth = DESCRIBED[kind](api, SECRET)
        auth.invalidate()  # another test's server had this port
        request, good = use(kind, api), {200, 201}
        answers = client.play(auth, request, request)
        assert {each.status for each in answers} <= good, answers
        assert (api.logins + api.refreshes, api.uses) == (1, 2)
        api.revoke()
        answers = client.play(auth, request, request)
        assert {each.status for each in answers} <= good, answers
        assert (api.logins + api.refreshes, api.uses) == (2, 4)
        api.expire()
        answers = client.play(auth, request)
        assert {each.status for each in answers} <= good, answers
        assert (api.logins + api.refreshes, api.uses) == (3, 5)
        assert api.problems == []


@every_api
def test_a_wrong_secret_is_the_user_s_to_mend(kind: type[Any]) -> None:
    with running(kind) as api:
        auth = DESCRIBED[kind](api, "another one")
        with pytest.raises(CredentialsRejected) as caught:
            auth.get_token()
        assert "another one" not in str(caught.value)
        assert api.problems == []


@every_api
def test_a_description_is_short(kind: type[Any]) -> None:
    assert page.length(RECIPES[kind]) <= 12 + RECIPES[kind].count("def ")  # a function's first line tells of no API


def test_feishu_hands_out_one_token_until_its_end() -> None:
    with running(Feishu) as api:
        auth = DESCRIBED[Feishu](api, SECRET)
        auth.invalidate()
        assert auth.get_token().value == auth.get_token().value
        assert api.logins == 1


LOGGING_OUT = [kind for kind in RECIPES if "logout=" in RECIPES[kind]]
every_logout = pytest.mark.parametrize("kind", LOGGING_OUT, ids=lambda kind: kind.__name__)


@every_client
@every_logout
@pytest.mark.diagonal
def test_closing_logs_out_once(kind: type[Any], client: Client) -> None:
    with running(kind) as api:
        auth = DESCRIBED[kind](api, SECRET)
        auth.invalidate()
        leave(client, auth)
        assert api.logouts == 0, "there was no session"
        client.play(auth, use(kind, api))
        leave(client, auth)
        leave(client, auth)
        assert (api.logins, api.logouts, len(api.live)) == (1, 1, 0)
        assert api.problems == []


@every_logout
def test_the_last_auth_object_of_a_credential_logs_out(kind: type[Any]) -> None:
    with running(kind) as api:
        one, other = DESCRIBED[kind](api, SECRET), DESCRIBED[kind](api, SECRET)
        one.invalidate()
        with one:
            token = one.get_token()
        assert (other.get_token(), api.logouts) == (token, 0)
        other.close()
        assert api.logouts == 1


@every_client
def test_a_session_that_is_replaced_is_logged_out(client: Client) -> None:
    """There are two seats; a server that ends tokens by their age keeps the seat until then."""
    with running(TwoSessions) as api:
        auth = DESCRIBED[TwoSessions](api, SECRET)
        auth.invalidate()
        for _ in range(4):
            assert client.play(auth, use(TwoSessions, api))[0].status == 200
            held = auth._source.tokens.held()
            assert held is not None
            expired = held._replace(usable_until=held.since, refresh_from=held.since)
            auth._source.tokens.cache.put(auth._source.tokens.key, expired)
        assert (api.logins, len(api.live)) == (4, 1)
        assert api.problems == []


def test_a_logout_that_fails_is_nobody_s_failure() -> None:
    with running(TwoSessions) as api:
        auth = DESCRIBED[TwoSessions](api, SECRET)
        auth.invalidate()
        auth.get_token()
        api.before = lambda request: 1 / 0
        auth.close()
        assert api.logouts == 0


SCRIPT = """
from tokenauth import LoginAuth
from tokenauth.providers import Call, Kept
auth = LoginAuth({url!r}, json={{"user": {user!r}, "password": {secret!r}}}, token="sid", logout_at_exit=True,
    logout=Call("/web_api/logout", json={{}}, headers={{"X-chkp-sid": Kept("token")}}))
auth.get_token()
"""


def test_a_program_that_ends_logs_out() -> None:
    with running(TwoSessions) as api:
        script = SCRIPT.format(url=f"{api.url}/web_api/login", user=USER, secret=SECRET)
        subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
        assert (api.logins, api.logouts, api.problems) == (1, 1, [])


def test_a_session_that_slides_is_not_renewed_while_it_is_used() -> None:
    with running(SlidingSession) as api:
        auth = DESCRIBED[SlidingSession](api, SECRET)
        auth.invalidate()
        auth.get_token()
        held = auth._source.tokens.held()
        assert held is not None
        assert (held.usable_until, held.refresh_from) == (math.inf, math.inf)


@every_client
def test_a_stream_stays_readable_though_its_body_might_refuse(client: Client) -> None:
    with running(WeChat) as api:
        auth = DESCRIBED[WeChat](api, SECRET)
        auth.invalidate()
        answer = client.stream(auth, use(WeChat, api))
        assert (answer.status, answer.json()["total"]) == (200, 1)
        api.revoke()
        answer = client.stream(auth, use(WeChat, api))
        assert answer.status == 200
        told = answer.json()
        assert told.get("errcode") == 40014 if client.name == "requests" else told["total"] == 1
