"""What is one server's own: codes, logouts, seats, refreshes, hosts."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.siblings.servers import (
    FMC,
    SECRET,
    SIBLINGS,
    USER,
    Feishu,
    Frappe,
    GitHubApp,
    Jenkins,
    Keystone,
    Magento,
    QBittorrent,
    Redfish,
    Sibling,
    SOAPLogin,
    Synology,
    TwoHosts,
    TwoSessions,
    VCenter,
    WeChat,
    Xero,
    running,
)
from tests.siblings.talks import GITHUB, TALKS, Call, Moved, comes_in, enters, granted, merged, says, send


def test_a_new_token_of_wechat_leaves_the_old_one_five_minutes(http: httpx.Client) -> None:
    now = Moved()
    with running(WeChat, now) as api:
        old, new = comes_in(http, api), comes_in(http, api)
        use = TALKS[WeChat].use
        now.seconds += 290
        assert granted(use(http, api, old))
        now.seconds += 20
        assert says(use(http, api, old), (200, {"errcode": 40001}))
        assert granted(use(http, api, new))
        api.expire()
        assert says(use(http, api, new), (200, {"errcode": 42001}))
        assert says(use(http, api, {}), (200, {"errcode": 41001}))


def test_feishu_hands_a_token_out_again_until_it_has_half_an_hour(http: httpx.Client) -> None:
    now = Moved()
    with running(Feishu, now) as api:
        first = enters(http, api).json()
        now.seconds += 5000
        second = enters(http, api).json()
        assert second["tenant_access_token"] == first["tenant_access_token"]
        assert second["expire"] == pytest.approx(2200, abs=3)
        now.seconds += 1000
        assert enters(http, api).json()["tenant_access_token"] != first["tenant_access_token"]
        assert says(TALKS[Feishu].use(http, api, {}), (400, {"code": 99991661}))
        assert api.logins == 3


def test_synology_has_a_code_for_each_end_of_a_session(http: httpx.Client) -> None:
    with running(Synology) as api:
        carried, use = comes_in(http, api), TALKS[Synology].use
        assert says(use(http, api, {}), (200, {"error": {"code": 105}}))
        api.expire()
        assert says(use(http, api, carried), (200, {"error": {"code": 106}}))
        assert says(use(http, api, {"params": {"_sid": "no"}}), (200, {"error": {"code": 119}}))


LOGOUTS: dict[type[Sibling], Callable[[httpx.Response, Call], Call]] = {
    Synology: lambda login, carried: {
        "method": "GET",
        "url": "/webapi/entry.cgi",
        "params": {"api": "SYNO.API.Auth", "version": "6", "method": "logout"} | carried["params"],
    },
    Keystone: lambda login, carried: merged(
        carried,
        {
            "method": "DELETE",
            "url": "/v3/auth/tokens",
            "headers": {"X-Subject-Token": carried["headers"]["X-Auth-Token"]},
        },
    ),
    Redfish: lambda login, carried: carried | {"method": "DELETE", "url": login.headers["Location"]},
    VCenter: lambda login, carried: carried | {"method": "DELETE", "url": "/api/session"},
    QBittorrent: lambda login, carried: carried | {"method": "POST", "url": "/api/v2/auth/logout"},
    Frappe: lambda login, carried: carried | {"method": "GET", "url": "/api/method/logout"},
    GitHubApp: lambda login, carried: merged(
        carried, {"method": "DELETE", "url": "/installation/token", "headers": GITHUB}
    ),
    TwoSessions: lambda login, carried: carried | {"method": "POST", "url": "/web_api/logout", "json": {}},
}


@pytest.mark.parametrize("kind", LOGOUTS)
def test_a_logout_ends_the_session_once(kind: type[Sibling], http: httpx.Client) -> None:
    talk = TALKS[kind]
    with running(kind) as api:
        login, other = enters(http, api), comes_in(http, api)
        carried = talk.carried(login)
        call = LOGOUTS[kind](login, carried)
        call["url"] = api.url + call["url"]
        wrong = send(http, call | {"method": "POST" if call["method"] != "POST" else "GET"})
        assert not (granted(wrong) and wrong.content)
        assert granted(talk.use(http, api, carried))
        assert granted(send(http, call))
        assert says(talk.use(http, api, carried), talk.refused)
        assert says(send(http, call), talk.refused)
        assert granted(talk.use(http, api, other))
        assert api.logouts == 1


@pytest.mark.parametrize(("kind", "seats"), [(TwoSessions, 2), (Redfish, 4)])
def test_a_login_past_the_last_seat_waits_for_a_logout(kind: type[Sibling], seats: int, http: httpx.Client) -> None:
    now = Moved()
    with running(kind, now) as api:
        responses = [enters(http, api) for _ in range(seats)]
        assert enters(http, api).status_code == 503
        carried = TALKS[kind].carried(responses[0])
        call = LOGOUTS[kind](responses[0], carried)
        assert send(http, call | {"url": api.url + call["url"]}).is_success
        assert enters(http, api).is_success
        assert enters(http, api).status_code == 503
        now.seconds += api.lifetime + 1
        assert enters(http, api).is_success, "seats are free when their time is over"
        assert api.logins == seats + 2


def test_a_logout_names_the_session_that_ends(http: httpx.Client) -> None:
    with running(Redfish) as api:
        login, other = enters(http, api), enters(http, api)
        call = LOGOUTS[Redfish](other, TALKS[Redfish].carried(login))
        assert send(http, call | {"url": api.url + call["url"]}).status_code == 404
    with running(Keystone) as api:
        carried = comes_in(http, api)
        call = merged(LOGOUTS[Keystone](httpx.Response(201), carried), {"headers": {"X-Subject-Token": "no"}})
        assert send(http, call | {"url": api.url + call["url"]}).status_code == 404
    with running(TwoSessions) as api:
        login = enters(http, api)
        call = LOGOUTS[TwoSessions](login, TALKS[TwoSessions].carried(login)) | {"json": {"more": 1}}
        assert send(http, call | {"url": api.url + call["url"]}).status_code == 400


def test_keystone_tells_a_wrong_form_from_wrong_credentials(http: httpx.Client) -> None:
    with running(Keystone) as api:
        call = TALKS[Keystone].login(api, http, SECRET)
        assert send(http, merged(call, {"json": {"auth": {"identity": {"methods": ["password"]}}}})).status_code == 400
        assert enters(http, api, "no").status_code == 401


def test_redfish_says_where_the_session_stands_in_either_form(http: httpx.Client) -> None:
    with running(Redfish) as api:
        assert enters(http, api).headers["Location"] == "/redfish/v1/SessionService/Sessions/1"
        api.absolute = True
        assert enters(http, api).headers["Location"] == f"{api.url}/redfish/v1/SessionService/Sessions/2"


def test_fmc_refreshes_three_times(http: httpx.Client) -> None:
    def refresh(headers: dict[str, str]) -> httpx.Response:
        url = f"{api.url}/api/fmc_platform/v1/auth/refreshtoken"
        sent = {name: headers[name] for name in ("X-auth-access-token", "X-auth-refresh-token") if name in headers}
        return send(http, {"method": "POST", "url": url, "headers": sent})

    with running(FMC) as api:
        pair: Any = enters(http, api).headers
        assert pair["DOMAIN_UUID"] == FMC.domain
        for _ in range(3):
            used, pair = pair, refresh(pair).headers
            assert not granted(
                TALKS[FMC].use(http, api, {"headers": {"X-auth-access-token": used["X-auth-access-token"]}})
            )
            assert granted(TALKS[FMC].use(http, api, {"headers": {"X-auth-access-token": pair["X-auth-access-token"]}}))
        with_a_body = {"method": "POST", "url": f"{api.url}/api/fmc_platform/v1/auth/refreshtoken", "content": "more"}
        assert send(http, with_a_body).status_code == 400
        elsewhere = f"{api.url}/api/fmc_config/v1/domain/another/policy/accesspolicies"
        carried = {"headers": {"X-auth-access-token": pair["X-auth-access-token"]}}
        assert send(http, {"method": "GET", "url": elsewhere} | carried).status_code == 404
        assert refresh({"X-auth-access-token": pair["X-auth-access-token"]}).status_code == 401
        assert refresh(used).status_code == 401
        assert refresh(pair).status_code == 401
        assert (api.logins, api.refreshes) == (1, 3)


def test_five_wrong_passwords_ban_from_qbittorrent(http: httpx.Client) -> None:
    with running(QBittorrent) as api:
        assert [enters(http, api, "no").status_code for _ in range(6)] == [200] * 5 + [403]
        assert enters(http, api).status_code == 403


def test_qbittorrent_refuses_another_origin(http: httpx.Client) -> None:
    with running(QBittorrent) as api:
        call = TALKS[QBittorrent].login(api, http, SECRET)
        assert send(http, call | {"headers": {"Referer": "http://elsewhere.example"}}).status_code == 401
        assert send(http, call | {"headers": {"Referer": api.url}}).text == "Ok."
        carried = merged(comes_in(http, api), {"headers": {"Origin": "http://elsewhere.example"}})
        assert TALKS[QBittorrent].use(http, api, carried).status_code == 401


def test_frappe_makes_a_guest_of_whom_it_refuses(http: httpx.Client) -> None:
    with running(Frappe) as api:
        response = TALKS[Frappe].use(http, api, {"headers": {"Cookie": "sid=old"}})
        assert (response.status_code, response.cookies["sid"]) == (403, "Guest")
        carried = comes_in(http, api)
        response = send(http, {"method": "GET", "url": f"{api.url}/api/resource/Salary"} | carried)
        assert (response.status_code, response.cookies.get("sid")) == (403, None)
        assert send(http, {"method": "GET", "url": f"{api.url}/api/resource/Salary"}).cookies["sid"] == "Guest"
        assert granted(TALKS[Frappe].use(http, api, carried))


def test_jenkins_tells_a_wrong_user_from_a_wrong_crumb(http: httpx.Client) -> None:
    with running(Jenkins) as api:
        carried, other = comes_in(http, api), comes_in(http, api)
        use = TALKS[Jenkins].use
        assert use(http, api, carried | {"auth": (USER, "no")}).status_code == 401
        mixed = merged(carried, {"headers": {"Cookie": other["headers"]["Cookie"]}})
        assert use(http, api, mixed).status_code == 403


@pytest.mark.parametrize("kind", [Magento, Xero])
def test_without_an_accept_the_answer_is_xml(kind: type[Sibling], http: httpx.Client) -> None:
    with running(kind) as api:
        accept = {"headers": {"Accept": "text/html"}}
        if kind is Magento:
            response = send(http, merged(TALKS[kind].login(api, http, SECRET), accept))
        else:
            response = TALKS[kind].use(http, api, merged(comes_in(http, api), accept))
        assert (response.status_code, response.headers["content-type"]) == (200, "text/xml")


def test_a_soap_login_names_its_host(http: httpx.Client) -> None:
    with running(SOAPLogin) as api:
        assert f"<serverUrl>{api.servers[1].url}/" in enters(http, api).text
        assert "INVALID_LOGIN" in enters(http, api, "no").text
        call = TALKS[SOAPLogin].login(api, http, SECRET)
        for other in (b"no XML", b"<a/>"):
            assert "s:Client" in send(http, call | {"content": other}).text
        assert "<password>" not in enters(http, api, "no").text


def test_a_token_for_two_hosts_is_not_for_others(http: httpx.Client) -> None:
    with running(TwoHosts) as api:
        carried = comes_in(http, api)
        urls = [f"{server.url}/v1/items" for server in api.servers]
        statuses = [send(http, {"method": "GET", "url": url} | carried).status_code for url in urls]
        assert statuses == [401, 200, 200, 418]
        assert len(api.problems) == 1
        assert send(http, {"method": "GET", "url": urls[3]}).is_success


@pytest.mark.parametrize("kind", [kind for kind in SIBLINGS if kind.hosts > 1])
def test_the_login_stands_at_the_first_host_alone(kind: type[Sibling], http: httpx.Client) -> None:
    talk = TALKS[kind]
    with running(kind) as api:
        call = talk.login(api, http, talk.secret)
        for server in api.servers[1:]:
            assert send(http, call | {"url": call["url"].replace(api.url, server.url)}).status_code == 404
        assert send(http, call).is_success
