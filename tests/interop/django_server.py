"""An OAuth 2.0 server that we did not write: django-oauth-toolkit, as a Django project in one file.

`main(folder, seconds)` prints its port and serves until stdin closes. Its database is in *folder*, its tokens live
*seconds* (3600). This module is the project's URL configuration, so it must be imported under its own name.
`/o/token/` and `/o/revoke_token/` are the toolkit's own views; `/api` wants a token that the toolkit finds valid;
`/calls` tells which token calls there were, and `/age` makes all access tokens expire now.
"""

import logging
import sys
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from django.conf import settings

CLIENT_ID, CLIENT_SECRET = "service client", "a client's secret: +&=%"
APP_ID, APP_SECRET = "web-app", "the-app's-secret"
PUBLIC_ID = "public-app"
USER, PASSWORD = "alice", "pass word +&=%ü"


def configure(folder: Path, seconds: int) -> None:
    settings.configure(
        SECRET_KEY="of this server alone",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "oauth2_provider"],
        MIDDLEWARE=[f"{__name__}.counted"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "db.sqlite3",
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            }
        },
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],  # the others are slow by design
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        LOGGING_CONFIG=None,
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": seconds,
            "ROTATE_REFRESH_TOKEN": True,
            "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": 0,
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "SCOPES": {"read": "read", "write": "write"},
        },
    )
    django.setup()
    logging.disable()  # a refused login is no news here


calls: list[dict[str, Any]] = []


def counted(get_response: Any) -> Any:
    """Remember each token call: grant and status."""

    def middleware(request: Any) -> Any:
        response = get_response(request)
        if request.path == "/o/token/":
            calls.append({"grant": request.POST.get("grant_type"), "status": response.status_code})
        return response

    return middleware


def populate() -> None:
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from oauth2_provider.models import Application

    call_command("migrate", verbosity=0)
    get_user_model().objects.create_user(USER, password=PASSWORD)
    for client_id, secret, kind, grant in [
        (CLIENT_ID, CLIENT_SECRET, Application.CLIENT_CONFIDENTIAL, Application.GRANT_CLIENT_CREDENTIALS),
        (APP_ID, APP_SECRET, Application.CLIENT_CONFIDENTIAL, Application.GRANT_PASSWORD),
        (PUBLIC_ID, "", Application.CLIENT_PUBLIC, Application.GRANT_PASSWORD),
    ]:
        Application.objects.create(
            name=client_id,
            client_id=client_id,
            client_secret=secret,
            client_type=kind,
            authorization_grant_type=grant,
        )


def api(request: Any) -> Any:
    from django.http import JsonResponse
    from oauth2_provider.oauth2_backends import get_oauthlib_core

    valid, found = get_oauthlib_core().verify_request(request, scopes=["read"])
    if not valid:
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return JsonResponse({"error": "invalid_token"}, status=401, headers=headers)
    return JsonResponse({"user": found.user and found.user.username, "client": found.client.client_id})


def told_calls(request: Any) -> Any:
    from django.http import JsonResponse

    told, calls[:] = calls[:], []
    return JsonResponse({"calls": told})


def age(request: Any) -> Any:
    from django.http import JsonResponse
    from django.utils import timezone
    from oauth2_provider.models import AccessToken

    return JsonResponse({"aged": AccessToken.objects.update(expires=timezone.now())})


def __getattr__(name: str) -> Any:
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.urls import path
    from oauth2_provider.views import RevokeTokenView, TokenView

    return [
        path("o/token/", TokenView.as_view()),
        path("o/revoke_token/", RevokeTokenView.as_view()),
        path("api", api),
        path("calls", told_calls),
        path("age", age),
    ]


class Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Silent(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Silent."""


def main(folder: str, seconds: str = "3600") -> None:
    configure(Path(folder), int(seconds))
    populate()
    from threading import Thread

    from django.core.wsgi import get_wsgi_application

    with Threaded(("127.0.0.1", 0), Silent) as server:
        server.set_app(get_wsgi_application())
        print(server.server_address[1], flush=True)
        Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        server.shutdown()
