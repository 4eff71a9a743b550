"""APIs that refuse with a code in the body, and mostly with HTTP 200; credentials in the query."""

from typing import Any

from tests.servers import Received, Reply
from tests.siblings.servers.base import JSON, SECRET, USER, Refused, Sibling, Wrong, answer, basic, bearer, route


class WeChat(Sibling):
    """Source: Weixin Official Accounts, "Get access token" and "Global return codes".

    Each answer is a 200. A new token leaves the older one five minutes.
    """

    lifetime = 7200

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.replaced: set[str] = set()

    def wrong(self, status: int, what: str) -> Wrong:
        return Wrong(200, {"errcode": 43001 if status == 405 else 40035, "errmsg": what})

    @route("GET", "/cgi-bin/token")
    def login(self, request: Received) -> Reply:
        given = self.query(request, "grant_type", "appid", "secret")
        self.expect(not request.body, "a body")
        self.expect(given["grant_type"] == "client_credential", "grant_type")
        if given["appid"] != USER:
            raise Refused(200, {"errcode": 40013, "errmsg": "invalid appid"})
        if given["secret"] != SECRET:
            raise Refused(200, {"errcode": 40125, "errmsg": "invalid appsecret"})
        self.replaced |= set(self.tokens)
        self.tokens = {token: min(end, self.now() + 300) for token, end in self.tokens.items()}
        return answer(200, {"access_token": self.issue(), "expires_in": 7200})

    @route("GET", "/cgi-bin/user/get")
    def use(self, request: Received) -> Reply:
        token = self.query(request, "access_token")["access_token"] if request.query else None
        if token is None:
            raise Refused(200, {"errcode": 41001, "errmsg": "access_token missing"})
        if not self.good(token):
            code = 40014 if token not in self.tokens else 40001 if token in self.replaced else 42001
            raise Refused(200, {"errcode": code, "errmsg": "access_token"})
        return answer(200, {"total": 1, "count": 1, "data": {"openid": ["o-1"]}})


class Feishu(Sibling):
    """Source: Feishu Open Platform, "Get custom app's tenant_access_token" and "Generic error codes".

    A token that has more than 30 minutes left is handed out again. The status of a refusal is 400 now and was 200 [?].
    """

    lifetime = 7200
    refusal_status = 400

    @route("POST", "/open-apis/auth/v3/tenant_access_token/internal")
    def login(self, request: Received) -> Reply:
        given = self.json(request, "app_id", "app_secret")
        if given["app_id"] != USER:
            raise Refused(200, {"code": 10003, "msg": "invalid param"})
        if given["app_secret"] != SECRET:
            raise Refused(200, {"code": 10014, "msg": "app secret invalid"})
        lasting = [token for token in self.live if self.tokens[token] - self.now() > 1800]
        if lasting:
            self.logins += 1
        token = lasting[-1] if lasting else self.issue()
        left = int(self.tokens[token] - self.now())
        return answer(200, {"code": 0, "msg": "ok", "tenant_access_token": token, "expire": left})

    @route("GET", "/open-apis/contact/v3/users")
    def use(self, request: Received) -> Reply:
        token = bearer(request)
        if token is None:
            raise Refused(self.refusal_status, {"code": 99991661, "msg": "Missing access token for authorization."})
        if not self.good(token):
            raise Refused(self.refusal_status, {"code": 99991663, "msg": "Invalid access token for authorization."})
        return answer(200, {"code": 0, "msg": "success", "data": {"items": []}})


class Daraja(Sibling):
    """Source: Safaricom Daraja, "Authorization" and "Lipa na M-Pesa Online API".

    A refused token is errorCode 404.001.03; that its status is 404 is seen, and not documented [?].
    """

    lifetime = 3599
    refusal_status = 404

    def wrong(self, status: int, what: str) -> Wrong:
        return Wrong(status, {"requestId": "1", "errorCode": "400.008.02", "errorMessage": what})

    @route("GET", "/oauth/v1/generate")
    def login(self, request: Received) -> Reply:
        self.expect(self.query(request, "grant_type")["grant_type"] == "client_credentials", "Invalid grant type")
        self.expect(not request.body, "a body")
        if basic(request) != (USER, SECRET):
            body = {"requestId": "1", "errorCode": "400.008.01", "errorMessage": "Invalid Authentication passed"}
            raise Refused(400, body)
        return answer(200, {"access_token": self.issue(), "expires_in": "3599"})

    @route("POST", "/mpesa/stkpush/v1/processrequest")
    def use(self, request: Received) -> Reply:
        self.label(request, JSON)
        if not self.good(bearer(request)):
            body = {"requestId": "1", "errorCode": "404.001.03", "errorMessage": "Invalid Access Token"}
            raise Refused(self.refusal_status, body)
        return answer(200, {"ResponseCode": "0", "CheckoutRequestID": "ws_CO_1"})


class Synology(Sibling):
    """Source: Synology, "DSM Login Web API Guide" and "File Station Official API".

    One path for everything, and each answer is a 200. How long a session lasts is a setting; its default is 15
    minutes without use [?]. Which of 105, 106, 107 and 119 comes differs by version; here 119 is a session that
    is not known, 106 one that timed out, 105 none.
    """

    lifetime = 900
    sliding = True

    def code(self, kind: type[Refused], code: int) -> Refused:
        return kind(200, {"error": {"code": code}, "success": False})

    def wrong(self, status: int, what: str) -> Wrong:
        code = {404: 102, 405: 103}.get(status, 101)
        return Wrong(200, {"error": {"code": code}, "success": False})

    @route("GET", "/webapi/entry.cgi")
    def entry(self, request: Received) -> Reply:
        self.expect(not request.body, "a body")
        call = tuple(request.query.get(name) for name in ("api", "version", "method"))
        if call == ("SYNO.API.Auth", "6", "login"):
            return self.login(request)
        if call == ("SYNO.API.Auth", "6", "logout"):
            return self.logout(request)
        self.expect(call == ("SYNO.FileStation.List", "2", "list_share"), "no such API", 404)
        sid = request.query.get("_sid")
        if not self.good(sid):
            raise self.code(Refused, 105 if sid is None else 106 if sid in self.tokens else 119)
        return answer(200, {"data": {"shares": []}, "success": True})

    def login(self, request: Received) -> Reply:
        given = self.query(request, "api", "version", "method", "account", "passwd", "format")
        self.expect(given["format"] == "sid", "format")
        if (given["account"], given["passwd"]) != (USER, SECRET):
            raise self.code(Refused, 400)
        return answer(200, {"data": {"sid": self.issue()}, "success": True})

    def logout(self, request: Received) -> Reply:
        sid = self.query(request, "api", "version", "method", "_sid")["_sid"]
        if sid not in self.live:
            raise self.code(Refused, 119)
        self.end(sid)
        return answer(200, {"success": True})
