"""What is raised in a task group comes as a group of one. What is inside counts: for the decision and for the text."""

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from tests.clients import CLIENTS, Client
from tests.servers import Reply
from tests.support import TokenServer, without_pauses
from tokenauth import CredentialsRejected, FunctionAuth, LoginAuth, RefreshTokenAuth, TokenAuthError

every = pytest.mark.parametrize("client", CLIENTS, ids=repr)


class OwnError(Exception):
    """What somebody's code raises."""


async def raised_in_groups(problem: BaseException, depth: int = 2) -> None:
    """Raise *problem* in a task group within a task group."""
    async with anyio.create_task_group():
        if depth == 1:
            raise problem
        await raised_in_groups(problem, depth - 1)


async def shared_with(function: Callable[[], Any]) -> Any:
    """Return what *function* returns, awaited by a task of a group."""
    results: list[Any] = []

    async def run() -> None:
        results.append(await function())

    async with anyio.create_task_group() as group:
        group.start_soon(run)
    return results[0]


def told(server: TokenServer, get_token: Any, how: str) -> Any:
    """Return an auth object for *get_token*, or for a plain function that runs it."""
    function = get_token if how == "async" else lambda: asyncio.run(get_token())
    return FunctionAuth(function, origins=[server.url], cache={})


@pytest.mark.parametrize("how", ["async", "sync"])
@every
def test_a_rejection_stays_one(client: Client, how: str, server: TokenServer) -> None:
    calls: list[int] = []

    async def get_token() -> str:
        calls.append(1)
        await raised_in_groups(CredentialsRejected("no such user"))
        return ""

    auth = told(server, get_token, how)
    for _ in range(2):
        with pytest.raises(CredentialsRejected, match=r"^no such user"):
            client.get(auth, server.api)
    assert len(calls) == 1


@pytest.mark.parametrize("how", ["async", "sync"])
@every
def test_the_text_says_what_was_raised(client: Client, how: str, server: TokenServer) -> None:
    async def get_token() -> str:
        await raised_in_groups(OwnError("no disk"))
        return ""

    auth = told(server, get_token, how)
    with pytest.raises(TokenAuthError, match="raised OwnError;") as met:
        client.get(without_pauses(auth), server.api)
    assert str(met.value.__cause__) == "no disk"


@every
def test_a_function_that_uses_its_own_auth_object_in_a_group_is_told(client: Client, server: TokenServer) -> None:
    async def get_token() -> str:
        value: str = (await shared_with(auth.aget_token)).value
        return value

    auth: Any = FunctionAuth(get_token, origins=[server.url], cache={})
    with pytest.raises(TokenAuthError, match="from inside its own fetch"):
        client.get(without_pauses(auth), server.api)


@pytest.mark.parametrize("wish", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("how", ["async", "sync"])
def test_the_wish_to_end_the_program_stays_one(how: str, wish: type[BaseException], server: TokenServer) -> None:
    def get_token() -> str:
        raise BaseExceptionGroup("", [wish()])

    async def aget_token() -> str:
        return get_token()

    auth = FunctionAuth(aget_token if how == "async" else get_token, origins=[server.url], cache={})
    with pytest.raises(wish):
        auth.get_token()


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (TokenAuthError("the vault is sealed"), "^the vault is sealed"),
        (OwnError("p-1"), r"The callable for json\['password'\] raised OwnError; call it by itself"),
    ],
    ids=["ours", "theirs"],
)
def test_a_callable_for_a_secret(problem: Exception, text: str, server: TokenServer) -> None:
    def secret() -> str:
        asyncio.run(raised_in_groups(problem))
        return ""

    auth = LoginAuth(f"{server.url}/token", json={"password": secret}, token="token", cache={})
    with pytest.raises(TokenAuthError, match=text):
        auth.get_token()


def test_a_listener_for_refresh_tokens(server: TokenServer) -> None:
    def listener(_: str) -> None:
        asyncio.run(raised_in_groups(OwnError("r-2")))

    auth = RefreshTokenAuth(
        f"{server.url}/token", refresh_token="r-1", client_id="c", on_refresh_token=listener, cache={}
    )
    server.answer = lambda _: Reply(200, {"access_token": "t", "token_type": "Bearer", "refresh_token": "r-2"})
    with pytest.raises(TokenAuthError, match="on_refresh_token raised OwnError;"):
        auth.get_token()
