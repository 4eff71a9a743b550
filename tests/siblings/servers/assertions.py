"""APIs where the login is a JWT that the client signs."""

import base64
import hashlib
from typing import Any

from tests.servers import Received, Reply
from tests.siblings.servers.base import (
    JWT_BEARER,
    USER,
    Refused,
    Sibling,
    Wrong,
    answer,
    bearer,
    claims_of,
    iso,
    key,
    route,
)

CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Salesforce(Sibling):
    """Source: Salesforce Help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration" (RFC 7523 §2.1).

    No `expires_in`: a session ends after a time without use, which is a setting; here two hours. Only the host in
    `instance_url` knows the session. `exp` is at most three minutes off.
    """

    lifetime = 7200
    sliding = True
    hosts = 2
    username = "shop@example.com"

    @route("POST", "/services/oauth2/token")
    def token(self, request: Received) -> Reply:
        self.expect(self.at(request, 0), "no such path", 404)
        given = self.form(request, "grant_type", "assertion")
        if given["grant_type"] != JWT_BEARER:
            raise Wrong(400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"})
        try:
            wanted = {"iss": USER, "sub": self.username, "aud": self.url}
            claims_of(given["assertion"], wanted, alg="RS256", now=self.now(), longest=180)
        except ValueError as problem:
            raise Refused(400, {"error": "invalid_grant", "error_description": str(problem)}) from None
        body = {"access_token": self.issue(), "scope": "api", "instance_url": self.servers[1].url}
        return answer(200, body | {"id": f"{self.url}/id/00D/005", "token_type": "Bearer"})

    @route("GET", "/services/data/v60.0/limits")
    def use(self, request: Received) -> Reply:
        if not self.at(request, 1) or not self.good(bearer(request)):
            raise Refused(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
        return answer(200, {"DailyApiRequests": {"Max": 15000, "Remaining": 14998}})


class GoogleServiceAccount(Sibling):
    """Source: Google Identity, "Using OAuth 2.0 for Server to Server Applications".

    RS256, `kid` from the key's file, `aud` the token endpoint, `scope` in the claims, `exp` at most an hour off.
    """

    lifetime = 3599
    scope = "https://www.googleapis.com/auth/cloud-platform"
    email = "shop@demo.iam.gserviceaccount.com"

    def account(self) -> dict[str, str]:
        """Return what the file of a service account holds."""
        private = key().as_pem(private=True).decode()
        made = {"type": "service_account", "private_key_id": key().kid or "", "private_key": private}
        return made | {"client_email": self.email, "token_uri": f"{self.url}/token"}

    @route("POST", "/token")
    def token(self, request: Received) -> Reply:
        given = self.form(request, "grant_type", "assertion")
        if given["grant_type"] != JWT_BEARER:
            raise Wrong(400, {"error": "unsupported_grant_type", "error_description": given["grant_type"]})
        header = {"typ": "JWT", "kid": key().kid or ""}
        wanted = {"iss": self.email, "aud": f"{self.url}/token"}
        try:
            rules: dict[str, Any] = {"header": header, "needs": ("iat",)}
            claims = claims_of(given["assertion"], wanted, alg="RS256", now=self.now(), longest=3600, **rules)
            if claims["exp"] - claims["iat"] > 3600:
                raise ValueError("exp")
        except ValueError as problem:
            raise Refused(400, {"error": "invalid_grant", "error_description": f"Invalid JWT: {problem}"}) from None
        if claims.get("scope") != self.scope:
            raise Wrong(400, {"error": "invalid_scope", "error_description": "Invalid OAuth scope"})
        return answer(200, {"access_token": self.issue(), "expires_in": 3599, "token_type": "Bearer"})

    @route("GET", "/storage/v1/b")
    def use(self, request: Received) -> Reply:
        if not self.good(bearer(request)):
            raise Refused(401, {"error": {"code": 401, "message": "Invalid Credentials", "status": "UNAUTHENTICATED"}})
        return answer(200, {"kind": "storage#buckets"})


class GitHubApp(Sibling):
    """Source: GitHub Docs, "Generating a JSON Web Token for a GitHub App" and "REST API endpoints for GitHub Apps".

    The JWT is the login's own bearer: RS256, `iss` the app, `exp` at most ten minutes off. Accept is recommended, and
    demanded here; without User-Agent comes a 403. A token lives one hour, and can be revoked with itself.
    """

    app, installation = "Iv23app", "42"

    def agreed(self, request: Received) -> None:
        if not request.headers.get("user-agent"):
            raise Wrong(403, b"Request forbidden by administrative rules.")
        self.accepts(request, "application/vnd.github+json", status=415)

    @route("POST", "/app/installations/{}/access_tokens")
    def token(self, request: Received) -> Reply:
        self.agreed(request)
        self.empty(request)
        try:
            token = bearer(request) or ""
            wanted = {"iss": self.app}
            claims_of(token, wanted, alg="RS256", now=self.now(), longest=600, needs=("iat",), skew=0)
        except ValueError as problem:
            told = f"A JSON web token could not be decoded: {problem}"
            raise Refused(401, {"message": told, "documentation_url": "https://docs.github.com/rest"}) from None
        self.expect(request.path.split("/")[3] == self.installation, "Not Found", 404)
        token = self.issue()
        body = {"token": token, "expires_at": iso(self.tokens[token]), "repository_selection": "all"}
        return answer(201, body | {"permissions": {"contents": "read"}})

    def known(self, request: Received) -> str:
        self.agreed(request)
        token = bearer(request, "Bearer", "token")
        if not self.good(token):
            raise Refused(401, {"message": "Bad credentials", "status": "401"})
        return str(token)

    @route("DELETE", "/installation/token")
    def logout(self, request: Received) -> Reply:
        self.end(self.known(request))
        return answer(204)

    @route("GET", "/installation/repositories")
    def use(self, request: Received) -> Reply:
        self.known(request)
        return answer(200, {"total_count": 0, "repositories": []})


class Entra(Sibling):
    """Source: Microsoft identity platform, "Client credentials flow" and "Certificate credentials".

    `client_assertion`: PS256, `x5t#S256` in the header, `aud` the token endpoint, `iss` and `sub` the client, `jti`
    new each time. The thumbprint is that of the public key here, as there is no certificate.
    """

    lifetime = 3599

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: set[str] = set()

    @staticmethod
    def thumbprint() -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(key().as_der(private=False)).digest()).rstrip(b"=").decode()

    @route("POST", "/contoso/oauth2/v2.0/token")
    def token(self, request: Received) -> Reply:
        given = self.form(request, "grant_type", "client_id", "scope", "client_assertion_type", "client_assertion")
        self.expect(given["grant_type"] == "client_credentials", "unsupported_grant_type")
        self.expect(given["scope"] == "https://graph.microsoft.com/.default", "invalid_scope")
        self.expect(given["client_assertion_type"] == CLIENT_ASSERTION, "invalid_request")
        wanted = {"iss": USER, "sub": given["client_id"], "aud": f"{self.url}{request.path}"}
        header = {"typ": "JWT", "x5t#S256": self.thumbprint()}
        try:
            rules: dict[str, Any] = {"header": header, "needs": ("jti", "nbf")}
            claims = claims_of(given["client_assertion"], wanted, alg="PS256", now=self.now(), longest=600, **rules)
            if claims["jti"] in self.seen:
                raise ValueError("jti")
        except ValueError as problem:
            told = {"error_description": f"AADSTS700027: {problem}", "error_codes": [700027]}
            raise Refused(401, {"error": "invalid_client"} | told) from None
        self.seen.add(claims["jti"])
        body = {"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599}
        return answer(200, body | {"access_token": self.issue()})

    @route("GET", "/v1.0/users")
    def use(self, request: Received) -> Reply:
        if not self.good(bearer(request)):
            raise Refused(401, {"error": {"code": "InvalidAuthenticationToken", "message": "Lifetime validation"}})
        return answer(200, {"value": []})
