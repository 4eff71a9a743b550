"""A WSGI app for gunicorn: each request to it makes one to the sandbox's Platform API, with the fleet's token."""

import json
import os
import threading
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import requests

from tests.fleet.process import auth_of

warnings.simplefilter("error")
settings = json.loads(os.environ["TOKENAUTH_FLEET"])
auth = auth_of(settings)
local = threading.local()


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if not hasattr(local, "session"):
        local.session = requests.Session()
        local.session.auth = auth
    try:
        outcome = str(local.session.get(settings["api"], timeout=30).status_code)
    except Exception as problem:
        outcome = repr(problem)[:200]
    body = json.dumps({"pid": os.getpid(), "outcome": outcome}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
