"""APIs for which the user brings a refresh token that a person's consent gave."""

import secrets
from typing import Any

from tests.servers import Received, Reply
from tests.siblings.servers.base import JSON, USER, Refused, Sibling, answer, basic, bearer, route

CLIENT_SECRET = "Cl1ent-s3cret"


class Refreshing(Sibling):
    """`first` is the refresh token that the user brings, `current` the latest one.

    A token that was used before, and is used past its grace, ends the person's consent: no token helps any more.
    """

    grace: float = 0
    """For so many seconds a refresh token that was used may be used again."""
    rotates = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.current = self.first = f"RT.{secrets.token_hex(8)}"
        self.used: dict[str, float] = {}
        self.families_lost = 0
        """How often a token was used too late."""

    def client(self, request: Received) -> None:
        if basic(request) != (USER, CLIENT_SECRET):
            raise Refused(401, {"error": "invalid_client"})

    def in_grace(self, given: str) -> bool:
        return self.now() < self.used.get(given, 0) + self.grace

    def refreshed(self, given: str) -> str:
        """Take *given* for a new access token, and let `current` be the next refresh token."""
        if self.families_lost or (given != self.current and not self.in_grace(given)):
            if given in self.used:
                self.families_lost += 1
                self.revoke()
            raise Refused(400, {"error": "invalid_grant"})
        if self.rotates:
            self.used.setdefault(given, self.now())
            self.used.setdefault(self.current, self.now())
            self.current = f"RT.{secrets.token_hex(8)}"
        return self.issue(renews=True)


class Zoho(Refreshing):
    """Source: Zoho, "Refreshing access tokens" (CRM and Analytics API v2).

    The answer names the API's host and no refresh token; the one that the user has stays. An error is a 200. Ten
    tokens in ten minutes are the limit (Analytics); the answer past it is seen, and not documented [?].
    """

    hosts = 2
    rotates = False
    most = 10

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.times: list[float] = []

    @route("POST", "/oauth/v2/token")
    def token(self, request: Received) -> Reply:
        self.expect(self.at(request, 0), "no such path", 404)
        given = self.form(request, "grant_type", "client_id", "client_secret", "refresh_token")
        self.expect(given["grant_type"] == "refresh_token", "unsupported_grant_type")
        if given["client_id"] != USER:
            raise Refused(200, {"error": "invalid_client"})
        if given["client_secret"] != CLIENT_SECRET:
            raise Refused(200, {"error": "invalid_client_secret"})
        if given["refresh_token"] != self.current:
            raise Refused(200, {"error": "invalid_code"})
        self.times = [each for each in self.times if each > self.now() - 600]
        if len(self.times) >= self.most:
            text = "You have made too many requests continuously. Please try again after some time."
            raise Refused(400, {"error": "Access Denied", "error_description": text, "status": "failure"})
        self.times.append(self.now())
        token = self.refreshed(given["refresh_token"])
        body = {"access_token": token, "api_domain": self.servers[1].url, "token_type": "Bearer", "expires_in": 3600}
        return answer(200, body)

    @route("GET", "/crm/v6/Leads")
    def use(self, request: Received) -> Reply:
        if not self.at(request, 1) or not self.good(bearer(request, "Zoho-oauthtoken")):
            told = {"code": "INVALID_TOKEN", "details": {}, "message": "invalid oauth token", "status": "error"}
            raise Refused(401, told)
        return answer(200, {"data": []})


class QuickBooks(Refreshing):
    """Source: Intuit, "Implement OAuth 2.0: refresh the token" and its FAQ.

    The value changes now and then (a day), and the latest is to be used; here it changes each time, and the one
    before is of no use at once, which is stricter [?].
    """

    @route("POST", "/oauth2/v1/tokens/bearer")
    def token(self, request: Received) -> Reply:
        self.accepts(request, JSON, status=400)
        given = self.form(request, "grant_type", "refresh_token")
        self.client(request)
        self.expect(given["grant_type"] == "refresh_token", "unsupported_grant_type")
        body = {"access_token": self.refreshed(given["refresh_token"]), "token_type": "bearer", "expires_in": 3600}
        return answer(200, body | {"refresh_token": self.current, "x_refresh_token_expires_in": 8726400})

    @route("GET", "/v3/company/9341/companyinfo/9341")
    def use(self, request: Received) -> Reply:
        if not self.good(bearer(request)):
            error = {"message": "AuthenticationFailed", "detail": "Token expired", "code": "3200"}
            raise Refused(401, {"fault": {"error": [error], "type": "AUTHENTICATION"}})
        return answer(200, {"CompanyInfo": {"CompanyName": "Demo"}})


class Xero(Refreshing):
    """Source: Xero Developer, "The standard authorization code flow", "Refreshing access tokens"; "Xero tenants".

    A refresh token lives 60 days unused, and after its use 30 minutes more, in case the answer was lost. What its use
    after that does is not documented [?]: here it ends the consent. Without an Accept the API answers in XML.
    """

    lifetime = 1800
    grace = 1800
    tenant = "70784a63-d24b-46a9-a4db-0e70a274b056"

    @route("POST", "/connect/token")
    def token(self, request: Received) -> Reply:
        given = self.form(request, "grant_type", "refresh_token")
        self.client(request)
        self.expect(given["grant_type"] == "refresh_token", "unsupported_grant_type")
        body = {"access_token": self.refreshed(given["refresh_token"]), "token_type": "Bearer", "expires_in": 1800}
        return answer(200, body | {"refresh_token": self.current, "scope": "offline_access accounting.transactions"})

    @route("GET", "/api.xro/2.0/Invoices")
    def use(self, request: Received) -> Reply:
        if not self.good(bearer(request)):
            raise Refused(401, {"Title": "Unauthorized", "Status": 401, "Detail": "TokenExpired: token expired"})
        if request.headers.get("xero-tenant-id") != self.tenant:
            raise Refused(403, {"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"})
        if "application/json" not in request.headers.get("accept", ""):
            return answer(200, b"<Response/>", Content_Type="text/xml")
        return answer(200, {"Invoices": []})
