"""Common to httpx and httpx2: the two auth flows that perform the steps of a request's story (`httpx_story`)."""

import contextlib
import sys
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any, ClassVar

from tokenauth._clients.at_login import ended, httpx_story, steps
from tokenauth._clients.base import BaseTokenAuth
from tokenauth._lazy import once

if TYPE_CHECKING:
    from tokenauth._clients.httpx_story import Story
    from tokenauth._clients.steps import Steps


class HttpxAuth(BaseTokenAuth):
    """The auth flows of httpx.Auth and httpx2.Auth."""

    requires_request_body = False
    requires_response_body = False
    _flow_is_users: ClassVar[bool] = False

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls._flow_is_users = cls.auth_flow is not HttpxAuth.auth_flow

    @once
    def _story(self) -> "Story":
        return httpx_story.Story(self._source)

    # the flows

    def auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Yield *request*, signed, and once more after a refusal. Blocks while a token is fetched.

        You can override it, and call it with `yield from super().auth_flow(request)`, as with any `Auth`.
        """
        sent = self._story.ready(request) or self._play(self._story.begin(request), request)
        try:
            response = yield request
        except GeneratorExit:
            response = None
        if response is None:  # of the block above nothing is left, so that the exception is the client's
            self._story.learn(request, sent, sys.exception())
        elif sent is not None and self._story.counts(request, sent, response):
            again = self._play(self._story.again(sent, response), request)
            while again is not None:
                try:
                    response = yield again.request
                finally:
                    ended.end(again.request, again.sent)
                again = self._play(self._story.again(again.sent, response, again), again.request)

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        return self._users_flow(request) if self._flow_is_users else self.auth_flow(request)

    def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        return self._users_aflow(request) if self._flow_is_users else self._aflow(request)

    async def _aflow(self, request: Any) -> AsyncGenerator[Any, Any]:
        sent = self._story.ready(request) or await self._aplay(self._story.begin(request), request)
        try:
            response = yield request
        except GeneratorExit:
            response = None
        if response is None:
            self._story.learn(request, sent, sys.exception())
        elif sent is not None and self._story.counts(request, sent, response):
            again = await self._aplay(self._story.again(sent, response), request)
            while again is not None:
                try:
                    response = yield again.request
                finally:
                    ended.end(again.request, again.sent)
                again = await self._aplay(self._story.again(again.sent, response, again), again.request)

    def _users_flow(self, request: Any) -> Generator[Any, Any, None]:
        """Run the `auth_flow` of a subclass, as `Auth` does."""
        if self.requires_request_body:
            request.read()
        flow, response = self.auth_flow(request), None
        with contextlib.suppress(StopIteration):
            while True:
                request = flow.send(response)
                try:
                    response = yield request
                except GeneratorExit:
                    response = None
                if response is None:
                    flow.close()
                    return
                if self.requires_response_body:
                    response.read()

    async def _users_aflow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """Do as `_users_flow`, with the tokens fetched ahead, so that the subclass's flow need not block for them."""
        if self.requires_request_body:
            await request.aread()
        flow, response, renewed = self.auth_flow(request), None, None
        while True:
            renewed = await self._aplay(self._story.ahead(request, response, renewed), request)
            try:
                request = flow.send(response)
            except StopIteration:
                return
            try:
                response = yield request
            except GeneratorExit:
                response = None
            if response is None:
                flow.close()
                return
            if self.requires_response_body:
                await response.aread()

    def _play(self, story: "Steps", request: Any) -> Any:
        return steps.played(story, self, _library_of(request), request)

    async def _aplay(self, story: "Steps", request: Any) -> Any:
        return await steps.aplayed(story, self, _library_of(request), request)


def _library_of(request: Any) -> str | None:
    roots = (kind.__module__.partition(".")[0] for kind in type(request).__mro__)
    return next((root for root in roots if root in {"httpx", "httpx2"}), None)
