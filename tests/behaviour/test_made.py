"""What making an auth object may cost: counted in calls and objects, for time depends on the machine."""

import gc
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import tokenauth
from tests.support import token_server
from tokenauth import AtripAuth, ClientCredentialsAuth, LoginAuth, ManisAuth, PlatformAuth, TokenAuth
from tokenauth._core import admission, credential, source
from tokenauth._lazy import once
from tokenauth.providers import Login

URL = "https://api.example"
PACKAGE = str(Path(tokenauth.__file__).parent)


def manis(number: int, **options: Any) -> TokenAuth:
    return ManisAuth(URL, merchant_id=f"m-{number}", secret=f"s-{number}", **options)


def atrip(number: int) -> TokenAuth:
    return AtripAuth(
        client_id=f"c-{number}", client_secret="s", user_name=f"u-{number}", role="Admin", order_no="", base_url=URL
    )


def with_options(number: int) -> TokenAuth:
    return manis(
        number, header="X-Token", origins=["https://more.example"], timeout=3.0, refused=[401, 419], leeway=5.0
    )


def login(number: int) -> TokenAuth:
    return LoginAuth(f"{URL}/login", json={"user": f"u-{number}", "key": "k"}, token="data.jwt", success=("code", 0))


def client_credentials(number: int) -> TokenAuth:
    return ClientCredentialsAuth(f"{URL}/token", client_id=f"c-{number}", client_secret="s")


def platform(number: int) -> TokenAuth:
    return PlatformAuth(f"{URL}/Token", username=f"u-{number}", password="p")


MADE: dict[Callable[[int], TokenAuth], tuple[int, int]] = {
    manis: (68, 20),
    with_options: (95, 24),
    login: (64, 20),
    client_credentials: (90, 24),
    atrip: (100, 22),
    platform: (136, 32),
}
"""Calls into our code, and objects that stay; one that works all out when it is made has five times as many calls."""
makers = pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)


def calls_in(make: Callable[[int], TokenAuth]) -> int:
    seen = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            seen.append(frame.f_code.co_qualname)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        make(2)
    finally:
        sys.setprofile(before)
    return len(seen)


@makers
def test_an_auth_object_is_made_with_few_calls_of_ours(make: Callable[[int], TokenAuth]) -> None:
    make(1)
    assert calls_in(make) <= MADE[make][0]


@makers
def test_an_auth_object_holds_few_others(make: Callable[[int], TokenAuth]) -> None:
    make(1)
    gc.collect()
    before = len(gc.get_objects())
    kept = [make(number) for number in range(100)]
    gc.collect()
    assert (len(gc.get_objects()) - before) / len(kept) <= MADE[make][1]


@makers
def test_what_is_the_same_for_all_of_a_kind_is_held_once(make: Callable[[int], TokenAuth]) -> None:
    one, other = make(1), make(2)
    assert one._provider._reading is other._provider._reading  # type: ignore[attr-defined]
    assert one._source.tokens.key != other._source.tokens.key


@makers
def test_what_only_a_request_needs_is_made_at_the_first(make: Callable[[int], TokenAuth]) -> None:
    def count() -> list[int]:
        kinds = (source.Source, admission.Admission, credential.Credential)
        return [sum(type(each) is kind for each in gc.get_objects()) for kind in kinds]

    gc.collect()  # of what other tests left, nothing may go meanwhile
    before = count()
    kept = [make(number) for number in range(10)]
    assert count() == before
    assert kept[0]._source is kept[0]._source
    assert count() == [each + 1 for each in before]


BAD: dict[str, Any] = {
    "header": "no name",
    "scheme": "\n",
    "origins": ["http://abroad.example"],
    "extra_headers": {"Host": "h"},
    "refused": (),
    "leeway": -1,
    "timeout": 0,
    "cache": [],
    "store": object(),
    "token_client": object(),
    "on_event": "none",
}


@pytest.mark.parametrize("option", BAD)
def test_bad_input_is_refused_when_the_object_is_made(option: str) -> None:
    options = {option: BAD[option]}
    with pytest.raises((TypeError, ValueError)):
        manis(1, **options)
    with pytest.raises((TypeError, ValueError)):
        TokenAuth(Login(f"{URL}/login"), **options)
    with pytest.raises((TypeError, ValueError)):
        TokenAuth(Login(f"{URL}/login", **options))


class Tenant(Login):
    """A description with an attribute of its own, which may go into the call."""

    def __init__(self, tenant: object) -> None:
        super().__init__(f"{URL}/login")
        self.tenant = tenant


def test_what_cannot_be_compared_is_refused_when_the_object_is_made() -> None:
    with pytest.raises(TypeError, match=r"\['tenant'\] is of the type object, which can't be compared"):
        TokenAuth(Tenant(object()))
    assert TokenAuth(Tenant("a"))._source.tokens.key != TokenAuth(Tenant("b"))._source.tokens.key


def test_threads_that_use_a_new_object_first_share_all_of_it() -> None:
    """A revocation or `invalidate()` must reach whatever the other threads use."""
    with token_server() as server:
        for _ in range(20):
            auth, barrier = server.auth(), threading.Barrier(4)
            seen: list[tuple[object, object]] = []

            def use(auth: Any = auth, barrier: Any = barrier, seen: Any = seen) -> None:
                barrier.wait()
                seen.append((auth._source, auth._handed_out))

            threads = [threading.Thread(target=use) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len({(id(one), id(other)) for one, other in seen}) == 1


def test_of_two_that_make_an_attribute_at_once_the_first_counts() -> None:
    class Both:
        @once
        def part(self) -> object:
            if not entered:
                entered.append(True)
                entered.append(self.part)  # as if another thread came in between
            return object()

    entered: list[object] = []
    both = Both()
    assert both.part is entered[1] is both.part
    assert not hasattr(Both, "part")
