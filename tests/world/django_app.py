"""A Django project of one view, for REST framework's RequestsClient, which calls it without a server.

That client tells the project no host: every origin is the same project, so the path says which one is meant.
"""

from typing import Any

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import re_path

from tests.servers import body_of
from tests.world.scene import Scene

_current: list[Scene] = []


def _view(request: Any) -> Any:
    place = next((place for place in ("second", "far") if request.path.startswith(f"/at-{place}/")), "home")
    scene = _current[-1]
    url = scene.servers[place].url + request.get_full_path()
    reply = scene.answer(request.method, url, request.headers, request.body)
    return HttpResponse(body_of(reply), status=reply.status, headers=reply.headers)


urlpatterns = [re_path(".*", _view)]


def set_up() -> None:
    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="fake", LOGGING_CONFIG=None)
        django.setup()


def client(scene: Scene) -> Any:
    """Return REST framework's client; its answers are *scene*'s."""
    set_up()
    from rest_framework.test import RequestsClient  # reads the settings

    _current[:] = [scene]
    return RequestsClient()
