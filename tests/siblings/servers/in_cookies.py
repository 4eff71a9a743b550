"""APIs with a session cookie."""

from secrets import token_urlsafe
from typing import Any

from tests.servers import Received, Reply
from tests.siblings.servers.base import SECRET, USER, Refused, Sibling, Wrong, answer, basic, cookies, route


class QBittorrent(Sibling):
    """Source: qBittorrent wiki, "WebUI API (qBittorrent 4.1)", "Authentication".

    A wrong password is a 200 with "Fails."; after five the address is banned, and the login is a 403. An Origin or
    Referer of another host is refused. A session ends after an hour without use, which is a setting.
    """

    sliding = True
    most_failures = 5

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.failures = 0

    def same_site(self, request: Received) -> None:
        for name in ("origin", "referer"):
            self.expect(request.headers.get(name, self.url).startswith(self.url), name, 401)

    @route("POST", "/api/v2/auth/login")
    def login(self, request: Received) -> Reply:
        self.same_site(request)
        given = self.form(request, "username", "password")
        if self.failures >= self.most_failures:
            raise Refused(403, b"Your IP address has been banned after too many failed authentication attempts.")
        if (given["username"], given["password"]) != (USER, SECRET):
            self.failures += 1
            raise Refused(200, b"Fails.")
        self.failures = 0
        return answer(200, b"Ok.", Set_Cookie=f"SID={self.issue()}; HttpOnly; SameSite=Strict; path=/")

    @route("POST", "/api/v2/auth/logout")
    def logout(self, request: Received) -> Reply:
        self.good(self.session(request))
        self.end(self.session(request))
        return answer(200)

    @route("GET", "/api/v2/app/version")
    def use(self, request: Received) -> Reply:
        self.good(self.session(request))
        return answer(200, b"v4.6.7")

    def session(self, request: Received) -> str:
        self.same_site(request)
        sid = cookies(request).get("SID", "")
        if sid not in self.live:
            raise Refused(403, b"Forbidden")
        return sid


class Frappe(Sibling):
    """Source: Frappe Framework, "Simple Authentication".

    Who has no session is the user Guest: a 403, which also sets the cookie `sid=Guest`. A 403 is as well what a user
    gets who may not see something, see `forbidden`. A session ends after 170 hours without use, which is a setting.
    """

    lifetime = 170 * 3600
    sliding = True

    @route("POST", "/api/method/login")
    def login(self, request: Received) -> Reply:
        given = self.form(request, "usr", "pwd")
        if (given["usr"], given["pwd"]) != (USER, SECRET):
            raise Refused(401, {"message": "Invalid login credentials", "exc_type": "AuthenticationError"})
        body = {"message": "Logged In", "home_page": "/app", "full_name": "Shop"}
        reply = answer(200, body, Set_Cookie="system_user=yes; Path=/")
        reply.headers["set-cookie"] = f"sid={self.issue()}; Expires=Sat, 29 Sep 2035 00:59:54 GMT; HttpOnly; Path=/"
        return reply

    def user(self, request: Received) -> str:
        sid = cookies(request).get("sid", "")
        if not self.good(sid):
            guest = "sid=Guest; HttpOnly; Path=/"
            raise Refused(403, {"exc_type": "PermissionError", "session_expired": 1}, Set_Cookie=guest)
        return sid

    @route("GET", "/api/method/logout")
    def logout(self, request: Received) -> Reply:
        self.end(self.user(request))
        return answer(200, {})

    @route("GET", "/api/method/frappe.auth.get_logged_user")
    def use(self, request: Received) -> Reply:
        self.user(request)
        return answer(200, {"message": USER})

    @route("GET", "/api/resource/Salary")
    def forbidden(self, request: Received) -> Reply:
        self.user(request)
        raise Refused(403, {"exc_type": "PermissionError"})


class Jenkins(Sibling):
    """Source: Jenkins Handbook, "CSRF Protection"; CloudBees, "CSRF Protection Explained".

    The crumb goes into the header that the answer names, with the session's cookie, whose name ends in an
    installation's own digits, and with user and password in each request. It lives as long as the session: 30
    minutes without use, a setting of Jetty's.
    """

    lifetime = 1800
    sliding = True
    cookie = "JSESSIONID.1f3a9c02"

    def user(self, request: Received) -> None:
        if basic(request) != (USER, SECRET):
            raise Refused(401, b"<html>Invalid password/token</html>", WWW_Authenticate='Basic realm="Jenkins"')

    @route("GET", "/crumbIssuer/api/json")
    def login(self, request: Received) -> Reply:
        self.empty(request)
        self.user(request)
        session = self.issue()
        issuer = "hudson.security.csrf.DefaultCrumbIssuer"
        body = {"_class": issuer, "crumb": f"crumb-{session}", "crumbRequestField": "Jenkins-Crumb"}
        return answer(200, body, Set_Cookie=f"{self.cookie}={session}; Path=/; HttpOnly")

    @route("POST", "/job/demo/build")
    def use(self, request: Received) -> Reply:
        self.user(request)
        session = cookies(request).get(self.cookie)
        if request.headers.get("jenkins-crumb") != f"crumb-{session}" or not self.good(session):
            raise Refused(403, b"<html>No valid crumb was included in the request</html>")
        return answer(201, Location=f"{self.url}/queue/item/1/")


class Django(Sibling):
    """Source: Django, "How CSRF protection works", "Sessions"; Django REST framework, "SessionAuthentication".

    The form of the login has a secret, which differs from the cookie's and goes with it. As on https, a POST needs a
    Referer of the site itself. A login answers with a redirect and new cookies, a wrong password with the form again.
    """

    lifetime = 1209600

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.forms: dict[str, str] = {}

    def form_page(self, complaint: str = "") -> Reply:
        cookie, field = token_urlsafe(24), token_urlsafe(48)
        self.forms[field] = cookie
        inside = f'{complaint}<input type="hidden" name="csrfmiddlewaretoken" value="{field}">'
        page = f'<html><form method="post">{inside}</form></html>'.encode()
        return answer(200, page, Content_Type="text/html", Set_Cookie=f"csrftoken={cookie}; Path=/; SameSite=Lax")

    @route("GET", "/accounts/login/")
    def page(self, request: Received) -> Reply:
        self.empty(request)
        return self.form_page()

    @route("POST", "/accounts/login/")
    def login(self, request: Received) -> Reply:
        given = self.form(request, "username", "password", "csrfmiddlewaretoken")
        cookie = self.forms.get(given["csrfmiddlewaretoken"])
        is_ours = request.headers.get("referer", "").startswith(f"{self.url}/")
        if not is_ours or cookie is None or cookies(request).get("csrftoken") != cookie:
            raise Wrong(403, b"<html>Forbidden (403) CSRF verification failed. Request aborted.</html>")
        if (given["username"], given["password"]) != (USER, SECRET):
            return self.form_page("<ul><li>Please enter a correct username and password.</li></ul>")
        reply = answer(302, Location="/accounts/profile/", Set_Cookie=f"sessionid={self.issue()}; HttpOnly; Path=/")
        reply.headers["set-cookie"] = f"csrftoken={token_urlsafe(24)}; Path=/; SameSite=Lax"
        return reply

    @route("GET", "/api/orders/")
    def use(self, request: Received) -> Reply:
        if not self.good(cookies(request).get("sessionid")):
            raise Refused(403, {"detail": "Authentication credentials were not provided."})
        return answer(200, [])
