"""A Django project of one view, for REST framework's RequestsClient, which calls it without a server."""

from typing import Any

import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import re_path

from tests.world.scene import Scene
from tests.world.worlds import body_of

_current: list[Scene] = []


def _view(request: Any) -> Any:
    reply = _current[-1].answer(request.method, request.build_absolute_uri(), request.headers, request.body)
    return HttpResponse(body_of(reply), status=reply.status, headers=reply.headers)


urlpatterns = [re_path(".*", _view)]


def client(scene: Scene) -> Any:
    """Return REST framework's client; its answers are *scene*'s."""
    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="fake", LOGGING_CONFIG=None)
        django.setup()
    from rest_framework.test import RequestsClient  # reads the settings

    _current[:] = [scene]
    return RequestsClient()
