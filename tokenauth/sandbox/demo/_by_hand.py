"""What many programs have in place of tokenauth: log in, keep the token, and log in again after a 401.

One such auth object for each library. It is fairly written; what it lacks is that callers know of each other.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import requests
from requests.auth import AuthBase


@dataclass(frozen=True)
class Login:
    """A token call, and the name under which its answer has the token."""

    method: str
    url: str
    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


def by_hand(library: str, login: Login) -> Any:
    """Return a new auth object of that kind for *library*: "requests", "httpx", "httpx2" or "aiohttp"."""
    if library == "requests":
        return _ForRequests(login)
    if library == "aiohttp":
        return _ForAiohttp(login)
    return type("ForHttpx", (_ForHttpx, import_module(library).Auth), {"library": library})(login)


class _Kept:
    """A login, and the token that it gave last."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self.token: str | None = None

    def invalidate(self) -> None:
        self.token = None

    def sign(self, headers: Any) -> None:
        headers["Authorization"] = f"Bearer {self.token}"


class _ForRequests(_Kept, AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token is None:
            self._log_in()
        self.sign(request.headers)
        request.register_hook("response", self._again)
        return request

    def _again(self, response: requests.Response, **options: Any) -> requests.Response:
        if response.status_code != 401:
            return response
        _ = response.content  # frees the connection
        self._log_in()
        self.sign(response.request.headers)
        again: requests.Response = response.connection.send(response.request, **options)
        return again

    def _log_in(self) -> None:
        login = self.login
        answer = requests.request(login.method, login.url, headers=login.headers, data=login.body, timeout=30)
        answer.raise_for_status()
        self.token = answer.json()[login.name]


class _ForHttpx(_Kept):
    requires_response_body = True
    library: str

    def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        if self.token is None:
            yield from self._log_in()
        self.sign(request.headers)
        response = yield request
        if response.status_code == 401:
            yield from self._log_in()
            self.sign(request.headers)
            yield request

    def _log_in(self) -> Generator[Any, Any, None]:
        login = self.login
        new = import_module(self.library).Request
        answer = yield new(login.method, login.url, headers=login.headers, content=login.body)
        answer.raise_for_status()
        self.token = answer.json()[login.name]


class _ForAiohttp(_Kept):
    async def __call__(self, request: Any, handler: Any) -> Any:
        if self.token is None:
            await self._log_in()
        self.sign(request.headers)
        response = await handler(request)
        if response.status == 401:
            await self._log_in()
            self.sign(request.headers)
            response = await handler(request)
        return response

    async def _log_in(self) -> None:
        login, new = self.login, import_module("aiohttp").request
        async with new(login.method, login.url, headers=login.headers, data=login.body) as answer:
            answer.raise_for_status()
            self.token = (await answer.json())[login.name]
