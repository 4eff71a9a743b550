"""What is no one API's, or is many APIs': an XML login, a nonce, a signature, seats, idle time, two hosts."""

import hashlib
import hmac
import re
import secrets
from typing import Any
from xml.etree import ElementTree

from tests.servers import Received, Reply
from tests.siblings.servers.base import SECRET, USER, Refused, Sibling, Wrong, answer, bearer, route

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
PARTNER = "urn:partner.soap.sforce.com"


class SOAPLogin(Sibling):
    """Source: Salesforce, "SOAP API Developer Guide", `login()`.

    An envelope in, an envelope out; `SOAPAction` must be there, and may be anything. A refused login is a 500 with
    INVALID_LOGIN. The session lives `sessionSeconds` from its last use, at the host of `serverUrl`.
    """

    lifetime = 7200
    sliding = True
    hosts = 2

    def envelope(self, text: str) -> bytes:
        return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{text}</s:Body></s:Envelope>'.encode()

    def fault(self, kind: type[Refused], code: str) -> Refused:
        fault = f"<s:Fault><faultcode>{code}</faultcode><faultstring>{code}: no</faultstring></s:Fault>"
        return kind(500, self.envelope(fault), Content_Type="text/xml;charset=UTF-8")

    @route("POST", "/services/Soap/u/60.0")
    def login(self, request: Received) -> Reply:
        self.expect(self.at(request, 0), "no such path", 404)
        self.label(request, "text/xml")
        self.query(request)
        if "soapaction" not in request.headers:
            raise self.fault(Wrong, "s:Client")
        try:
            call = ElementTree.fromstring(request.body).find(f"{{{SOAP}}}Body/{{{PARTNER}}}login")
        except ElementTree.ParseError:
            call = None
        if call is None:
            raise self.fault(Wrong, "s:Client")
        if [call.findtext(f"{{{PARTNER}}}{name}") for name in ("username", "password")] != [USER, SECRET]:
            raise self.fault(Refused, "INVALID_LOGIN")
        token = self.issue()
        inside = f"<serverUrl>{self.servers[1].url}/services/Soap/u/60.0/00D</serverUrl><sessionId>{token}</sessionId>"
        inside += "<userInfo><sessionSecondsValid>7200</sessionSecondsValid></userInfo>"
        done = f'<loginResponse xmlns="{PARTNER}"><result>{inside}</result></loginResponse>'
        return answer(200, self.envelope(done), Content_Type="text/xml;charset=UTF-8")

    @route("GET", "/services/data/v60.0/limits")
    def use(self, request: Received) -> Reply:
        if not self.at(request, 1) or not self.good(bearer(request)):
            raise Refused(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
        return answer(200, {})


class NonceLogin(Sibling):
    """No one's; routers and meters do it so: GET a nonce, then POST the SHA-256 of nonce and password, in hex.

    A nonce is good once, for a minute.
    """

    lifetime = 900

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.nonces: dict[str, float] = {}

    @route("GET", "/api/nonce")
    def nonce(self, request: Received) -> Reply:
        self.expect(self.query(request, "user")["user"] == USER, "no such user", 404)
        nonce = secrets.token_hex(8)
        self.nonces[nonce] = self.now()
        return answer(200, {"challenge": {"nonce": nonce}})

    @route("POST", "/api/login")
    def login(self, request: Received) -> Reply:
        given = self.json(request, "user", "nonce", "digest")
        self.expect(given["user"] == USER, "no such user", 404)
        if not self.now() < self.nonces.pop(given["nonce"], 0) + 60:
            raise Wrong(400, {"error": "nonce"})
        if given["digest"] != hashlib.sha256(f"{given['nonce']}{SECRET}".encode()).hexdigest():
            raise Refused(401, {"error": "credentials"})
        return answer(200, {"token": self.issue(), "expires_in": int(self.lifetime)})

    @route("GET", "/api/devices")
    def use(self, request: Received) -> Reply:
        if not self.good(bearer(request)):
            raise Refused(401, {"error": "token"})
        return answer(200, {"devices": []})


class HMACLogin(Sibling):
    """No one's; exchanges and payment gateways do it so.

    `X-Signature` is the HMAC-SHA256, in hex, over method, path with query, `X-Timestamp` (ms) and body. The time is
    at most 30 s off, and a signature good once.
    """

    lifetime = 900

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seen: set[str] = set()

    @route("POST", "/auth/token")
    def login(self, request: Received) -> Reply:
        self.expect(request.headers.get("content-type") == "application/json", "content type", 415)
        self.expect(request.query == {"region": "eu west"}, "query")
        self.expect(request.headers.get("x-api-key") == USER, "X-Api-Key")
        time, signature = (request.headers.get(name, "") for name in ("x-timestamp", "x-signature"))
        self.expect(re.fullmatch(r"\d{13}", time), "X-Timestamp")
        if abs(int(time) / 1000 - self.now()) > 30:
            raise Refused(401, {"error": "timestamp"})
        signed = f"{request.method}{request.target}{time}".encode() + request.body
        right = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, signature) or signature in self.seen:
            raise Refused(401, {"error": "signature"})
        self.seen.add(signature)
        return answer(200, {"accessToken": self.issue(), "expiresIn": int(self.lifetime)})

    @route("GET", "/orders")
    def use(self, request: Received) -> Reply:
        if not self.good(bearer(request)):
            raise Refused(401, {"error": "token"})
        return answer(200, {"orders": []})


class TwoSessions(Sibling):
    """In the manner of Check Point, "Management API Reference", `login` and `logout`; two seats are ours.

    A third login is refused until a logout; with which status differs (503 and 403 are seen) [?]. A refused login is
    a 400. A session ends 600 s after its last use.
    """

    lifetime = 600
    sliding = True
    seats = 2
    full_status = 503

    def full(self) -> Refused:
        return Refused(self.full_status, {"code": "err_too_many_sessions", "message": "Too many sessions"})

    @route("POST", "/web_api/login")
    def login(self, request: Received) -> Reply:
        given = self.json(request, "user", "password")
        if (given["user"], given["password"]) != (USER, SECRET):
            raise Refused(400, {"code": "err_login_failed", "message": "Authentication to server failed."})
        return answer(200, {"sid": self.issue(), "url": f"{self.url}/web_api", "session-timeout": 600})

    def session(self, request: Received) -> str:
        sid = request.headers.get("x-chkp-sid", "")
        if not self.good(sid):
            raise Refused(401, {"code": "generic_err_wrong_session_id", "message": "Wrong session id."})
        return sid

    @route("POST", "/web_api/logout")
    def logout(self, request: Received) -> Reply:
        self.expect(self.json(request) == {}, "a body")
        self.end(self.session(request))
        return answer(200, {"message": "OK"})

    @route("POST", "/web_api/show-hosts")
    def use(self, request: Received) -> Reply:
        self.json(request)
        self.session(request)
        return answer(200, {"objects": [], "total": 0})


class SlidingSession(Sibling):
    """No one's; 20 minutes without use is the usual time in ASP.NET, and 440 is IIS' status for its end.

    Nothing in the answer tells of it, so a lifetime that is documented only.
    """

    lifetime = 1200
    sliding = True

    @route("PUT", "/api/session")
    def login(self, request: Received) -> Reply:
        given = self.json(request, "login", "secret")
        if (given["login"], given["secret"]) != (USER, SECRET):
            raise Refused(422, {"errors": [{"code": "credentials"}]})
        return answer(201, {"session": [{"id": self.issue()}]})

    @route("GET", "/api/stock")
    def use(self, request: Received) -> Reply:
        if not self.good(request.headers.get("x-session-id")):
            raise Refused(440, {"errors": [{"code": "session"}]})
        return answer(200, {"stock": []})


class TwoHosts(Sibling):
    """No one's: an identity host, two API hosts that take its token, and a fourth host that must never see it."""

    lifetime = 900
    hosts = 4

    @route("POST", "/identity/token")
    def login(self, request: Received) -> Reply:
        self.expect(self.at(request, 0), "no such path", 404)
        given = self.json(request, "client", "secret")
        if (given["client"], given["secret"]) != (USER, SECRET):
            raise Refused(401, {"error": "credentials"})
        return answer(200, {"token": self.issue(), "expires_in": int(self.lifetime)})

    @route("GET", "/v1/items")
    def use(self, request: Received) -> Reply:
        if self.at(request, 3):
            self.expect("authorization" not in request.headers, "a token for somebody else", 418)
            return answer(200, {"foreign": True})
        if self.at(request, 0) or not self.good(bearer(request)):
            raise Refused(401, {"error": "token"})
        return answer(200, {"items": []})
