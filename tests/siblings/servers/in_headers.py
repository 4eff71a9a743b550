"""APIs whose token is a header of the answer or its bare text, and that log out."""

import re
from typing import Any, ClassVar

from tests.servers import Received, Reply
from tests.siblings.servers.base import SECRET, USER, Refused, Sibling, Wrong, answer, basic, bearer, iso, route


class Keystone(Sibling):
    """Source: OpenStack Identity API v3, "Password authentication with scoped authorization" and "Revoke token"."""

    def wrong(self, status: int, what: str) -> Wrong:
        return Wrong(status, {"error": {"code": status, "message": what, "title": "Bad Request"}})

    def unauthorized(self) -> Refused:
        text = "The request you have made requires authentication."
        return Refused(401, {"error": {"code": 401, "message": text, "title": "Unauthorized"}})

    @route("POST", "/v3/auth/tokens")
    def login(self, request: Received) -> Reply:
        asked = self.json(request, "auth")["auth"]
        user = {"name": USER, "domain": {"id": "default"}, "password": SECRET}
        scope = {"project": {"name": "demo", "domain": {"id": "default"}}}
        wanted = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}
        self.expect(shape(asked) == shape(wanted), "fields")
        if asked != wanted:
            raise self.unauthorized()
        token = self.issue()
        told = {"methods": ["password"], "user": {"name": USER}, "issued_at": iso(self.now(), ".000000")}
        told["expires_at"] = iso(self.tokens[token], ".000000")
        return answer(201, {"token": told}, X_Subject_Token=token)

    @route("DELETE", "/v3/auth/tokens")
    def logout(self, request: Received) -> Reply:
        subject = request.headers.get("x-subject-token", "")
        if not self.good(request.headers.get("x-auth-token")):
            raise self.unauthorized()
        self.expect(subject in self.live, "no such token", 404)
        self.end(subject)
        return answer(204)

    @route("GET", "/v2.1/servers")
    def use(self, request: Received) -> Reply:
        if not self.good(request.headers.get("x-auth-token")):
            raise Refused(401, {"error": {"code": 401, "title": "Unauthorized"}}, WWW_Authenticate="Keystone uri")
        return answer(200, {"servers": []})


def shape(value: object) -> object:
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return type(value)


class Redfish(Sibling):
    """Source: DMTF DSP0266, "Session management".

    The session ends after 30 minutes without use (SessionTimeout 1800, which is a setting). Past the last session
    comes 503 SessionLimitExceeded (Base message registry). `Location` is relative here, and may be absolute.
    """

    lifetime = 1800
    sliding = True
    seats = 4
    absolute = False

    def error(self, kind: type[Refused], status: int, message: str) -> Refused:
        return kind(status, {"error": {"code": f"Base.1.18.{message}", "message": message}})

    def wrong(self, status: int, what: str) -> Wrong:
        return Wrong(status, {"error": {"code": "Base.1.18.GeneralError", "message": what}})

    def full(self) -> Refused:
        return self.error(Refused, 503, "SessionLimitExceeded")

    @route("POST", "/redfish/v1/SessionService/Sessions")
    def login(self, request: Received) -> Reply:
        given = self.json(request, "UserName", "Password")
        if (given["UserName"], given["Password"]) != (USER, SECRET):
            raise self.error(Refused, 401, "ResourceAtUriUnauthorized")
        token = self.issue()
        at = f"{request.path}/{self.number(token)}"
        body = {"@odata.id": at, "@odata.type": "#Session.v1_7_0.Session", "Id": self.number(token), "UserName": USER}
        return answer(201, body, X_Auth_Token=token, Location=self.url + at if self.absolute else at)

    def number(self, token: str) -> str:
        return token.partition("-")[0].removeprefix("tok.")

    @route("DELETE", "/redfish/v1/SessionService/Sessions/{}")
    def logout(self, request: Received) -> Reply:
        token = request.headers.get("x-auth-token", "")
        if not self.good(token):
            raise self.error(Refused, 401, "NoValidSession")
        self.expect(request.path.endswith(f"/{self.number(token)}"), "ResourceNotFound", 404)
        self.end(token)
        return answer(204)

    @route("GET", "/redfish/v1/Systems")
    def use(self, request: Received) -> Reply:
        if not self.good(request.headers.get("x-auth-token")):
            raise self.error(Refused, 401, "NoValidSession")
        return answer(200, {"Members": [], "Members@odata.count": 0})


class FMC(Sibling):
    """Source: Cisco, "Firepower Management Center REST API Quick Start Guide", "Authentication from a REST API Client".

    A token lives 30 minutes and is refreshed three times, with both tokens in headers and new ones in the answer's.
    The status of a fourth refresh, and whether a token that has expired can be refreshed, are not documented [?]:
    here 401, and yes.
    """

    lifetime = 1800
    domain = "e276abec-e0f2-11e3-8169-6d9ed49b625f"

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.pairs: dict[tuple[str, str], int] = {}
        """Access and refresh token, and how many refreshes are left."""

    def granted(self, token: str, left: int) -> Reply:
        refresh = f"re-{token}"
        self.pairs[token, refresh] = left
        headers = {"X-auth-access-token": token, "X-auth-refresh-token": refresh, "DOMAIN_UUID": self.domain}
        return Reply(204, headers=headers)

    @route("POST", "/api/fmc_platform/v1/auth/generatetoken")
    def login(self, request: Received) -> Reply:
        self.empty(request)
        if basic(request) != (USER, SECRET):
            raise Refused(401, {"error": {"severity": "ERROR", "messages": [{"description": "Unauthorized"}]}})
        return self.granted(self.issue(), 3)

    @route("POST", "/api/fmc_platform/v1/auth/refreshtoken")
    def refresh(self, request: Received) -> Reply:
        self.empty(request)
        access, refresh = (request.headers.get(f"x-auth-{kind}-token", "") for kind in ("access", "refresh"))
        left = self.pairs.pop((access, refresh), 0)
        if not left or access not in self.tokens:
            raise Refused(401, {"error": {"messages": [{"description": "Invalid refresh token"}]}})
        del self.tokens[access]
        return self.granted(self.issue(renews=True), left - 1)

    @route("GET", "/api/fmc_config/v1/domain/{}/policy/accesspolicies")
    def use(self, request: Received) -> Reply:
        self.expect(request.path.split("/")[5] == self.domain, "no such domain", 404)
        if not self.good(request.headers.get("x-auth-access-token")):
            raise Refused(401, {"error": {"messages": [{"description": "Access token invalid."}]}})
        return answer(200, {"items": [], "paging": {"count": 0}})


class VCenter(Sibling):
    """Source: vSphere Automation API, "Create Session" and "Delete Session".

    The answer is a bare JSON string. How long a session lasts without use is a setting [?]; here 30 minutes.
    """

    lifetime = 1800
    sliding = True

    def unauthenticated(self) -> Refused:
        return Refused(401, {"error_type": "UNAUTHENTICATED", "messages": []})

    @route("POST", "/api/session")
    def login(self, request: Received) -> Reply:
        self.empty(request)
        if basic(request) != (USER, SECRET):
            raise self.unauthenticated()
        return answer(201, self.issue())

    @route("DELETE", "/api/session")
    def logout(self, request: Received) -> Reply:
        token = request.headers.get("vmware-api-session-id", "")
        if not self.good(token):
            raise self.unauthenticated()
        self.end(token)
        return answer(204)

    @route("GET", "/api/vcenter/vm")
    def use(self, request: Received) -> Reply:
        if not self.good(request.headers.get("vmware-api-session-id")):
            raise self.unauthenticated()
        return answer(200, [])


class Magento(Sibling):
    """Source: Adobe Commerce, "Token-based authentication" and "Construct a request".

    The answer is a bare JSON string. An admin's token lives four hours, which is a setting. Without an Accept that
    takes JSON the answer is XML here; what really comes then is not documented [?].
    """

    lifetime = 4 * 3600

    @route("POST", "/rest/V1/integration/admin/token")
    def login(self, request: Received) -> Reply:
        given = self.json(request, "username", "password")
        if (given["username"], given["password"]) != (USER, SECRET):
            raise Refused(401, {"message": "The account sign-in was incorrect or your account is disabled."})
        accepted = request.headers.get("accept", "")
        token = self.issue()
        if "application/json" in accepted or "*/*" in accepted:
            return answer(200, token)
        return answer(200, f"<?xml version='1.0'?><response>{token}</response>".encode(), Content_Type="text/xml")

    @route("GET", "/rest/V1/orders")
    def use(self, request: Received) -> Reply:
        if not self.good(bearer(request)):
            text = "The consumer isn't authorized to access %resources."
            raise Refused(401, {"message": text, "parameters": {"resources": "Magento_Sales::actions_view"}})
        return answer(200, {"items": [], "total_count": 0})


class Jellyfin(Sibling):
    """Source: Jellyfin API, "AuthenticateUserByName", and its scheme CustomAuthentication.

    What the client is stands in `Authorization`, at the login too, and the token beside it.
    """

    lifetime = 365 * 86400
    """They don't end by themselves, but when their user or an administrator ends them."""
    client: ClassVar[dict[str, str]] = {"Client": "Shop", "Device": "Server", "DeviceId": "s-1", "Version": "1.0"}

    def parts(self, request: Received) -> dict[str, str]:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        found = dict(re.findall(r'(\w+)="([^"]*)"', text)) if scheme == "MediaBrowser" else {}
        if {name: found.get(name) for name in self.client} != self.client:
            raise Refused(401)
        return found

    @route("POST", "/Users/AuthenticateByName")
    def login(self, request: Received) -> Reply:
        self.expect("Token" not in self.parts(request), "a token")
        given = self.json(request, "Username", "Pw")
        if (given["Username"], given["Pw"]) != (USER, SECRET):
            raise Refused(401, b"Error processing request.")
        return answer(200, {"User": {"Name": USER}, "AccessToken": self.issue(), "ServerId": "srv-1"})

    @route("POST", "/Sessions/Logout")
    def logout(self, request: Received) -> Reply:
        self.end(self.session(request))
        return answer(204)

    @route("GET", "/Items")
    def use(self, request: Received) -> Reply:
        self.session(request)
        return answer(200, {"Items": []})

    def session(self, request: Received) -> str:
        token = self.parts(request).get("Token", "")
        if not self.good(token):
            raise Refused(401)
        return token
