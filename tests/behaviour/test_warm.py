"""What a warm request of requests may cost: counted in calls into our code, for time depends on the machine."""

import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import requests

import tokenauth
from tests.servers import Reply
from tests.support import TokenServer

OURS = str(Path(tokenauth.__file__).parent)
MOST = 13
COLD = {"origins.py", "flow.py", "flights.py", "signature.py", "provider.py", "drive.py"}


@pytest.mark.parametrize("options", [{}, {"header": "X-Token"}, {"origins": ["https://more.example"]}], ids=str)
def test_a_warm_request_of_requests_is_looked_up_once_and_sent(options: Any, server: TokenServer) -> None:
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(OURS):
            calls[f"{Path(frame.f_code.co_filename).name} {frame.f_code.co_name}"] += 1

    with requests.Session() as session:
        session.trust_env = False
        session.auth = server.auth(**options)
        server.answer = lambda request: None if request.path == "/token" else Reply(200)
        for _ in range(2):
            session.get(server.api)
        sys.setprofile(count)
        try:
            response = session.get(server.api)
        finally:
            sys.setprofile(None)
    assert len(response.request.hooks["response"]) == 1
    assert {call.split()[0] for call in calls} & COLD == set()
    assert calls["cache.py held"] == 1, "a mapping of the user's is asked once"
    del calls["signed_requests.py url"]  # read as often as requests and urllib3 like
    assert sum(calls.values()) <= MOST, calls
