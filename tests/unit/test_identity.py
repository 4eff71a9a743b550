"""Identity: equal only where it is the same, in every process; what can't be compared is refused."""

import contextlib
import datetime
import io
import os
import re
import subprocess
import sys
import threading
from collections import OrderedDict, UserDict
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, Flag
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores import DictStore, SecretProvider
from tests.support import Masked, PlainProvider
from tokenauth import TokenAuth
from tokenauth._core import identity
from tokenauth._core.identity import Identity, mark_of
from tokenauth._core.secrets import Secret
from tokenauth.providers import (
    APIKey,
    ClientAuth,
    ClientCredentials,
    Command,
    File,
    Function,
    JWTBearer,
    Login,
    Manis,
    RefreshToken,
    TokenExchange,
    TokenRequest,
)

URL = "https://api.example/login"


def encoded(value: object) -> bytes:
    return Identity.of(value).encoded


def key(provider: Any) -> Any:
    return TokenAuth(provider)._source.tokens.key


@dataclass(frozen=True)
class Tenant:
    name: str
    region: str = field(default="eu", repr=False)


@dataclass
class Uncompared:
    name: str = field(compare=False, repr=False)


@dataclass(slots=True)
class Slotted:
    name: str


class Grown(Tenant):
    """A dataclass with more than its fields."""

    def __init__(self, name: str, more: object) -> None:
        super().__init__(name)
        object.__setattr__(self, "more", more)

    @cached_property
    def remembered(self) -> object:
        return object()


class Pair(NamedTuple):
    one: object
    other: object


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Right(Flag):
    READ = 1
    WRITE = 2


class Silent(dict[str, Any]):
    def __repr__(self) -> str:
        return "{}"


class Counted(int):
    tag: object

    def __repr__(self) -> str:
        return "1"


def counted(tag: str) -> Counted:
    """Return a number that is not all that it is."""
    number = Counted(1)
    number.tag = tag
    return number


def fixed() -> str:
    return "x"


def other() -> str:
    return "x"


DIFFERENT: dict[str, list[Any]] = {
    "kinds": [None, 0, False, 0.0, "", b"", (), [], {}, frozenset(), "None", "0", "()", 0j, Decimal(0)],
    "numbers": [1, True, 1.0, "1", b"1", Decimal(1), Decimal("1.0"), -1, 10**30, 1.5, float("inf"), float("nan")],
    "nesting": [("ab", "c"), ("a", "bc"), ("abc",), (("ab", "c"),), ("ab", ("c",)), ["ab", "c"], "abc"],
    "mappings": [{}, {"a": 1}, {"a": "1"}, {1: "a"}, {"a": 1, "b": 2}, {"a": 2, "b": 1}, [("a", 1)], Silent(a=1)],
    "silent mappings": [Silent(), Silent(a=1), Silent(a=2), UserDict(a=1), UserDict(a=2)],
    "sets": [{"a"}, frozenset({"a"}), {"b"}, {"a", "b"}, ["a"]],
    "dataclasses": [Tenant("a"), Tenant("a", "us"), Tenant("b"), Slotted("a"), Slotted("b"), Uncompared("a")],
    "not compared": [Uncompared("a"), Uncompared("b")],
    "grown": [Grown("a", 1), Grown("a", 2), Tenant("a")],
    "named": [Pair(1, 2), Pair(2, 1), (1, 2)],
    "members": [Color.RED, Color.BLUE, Right.READ, Right.WRITE, Right.READ | Right.WRITE, Right(0), "RED"],
    "times": [
        datetime.date(2026, 1, 1),
        datetime.datetime(2026, 1, 1),
        datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        datetime.datetime(2026, 1, 1, fold=1),
        datetime.time(1),
        datetime.timedelta(1),
        datetime.timedelta(2),
    ],
    "others": [UUID(int=1), UUID(int=2), Path("a"), Path("b"), "a"],
    "callables": [fixed, other, lambda: "x", lambda: "x", partial(fixed), Tenant, Slotted, int, str, len],
    "secrets": [Secret("a", "x"), Secret("a", "y"), Secret("a", fixed), Secret("a", other)],
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_what_differs_is_told_apart(kind: str) -> None:
    values = DIFFERENT[kind]
    assert len({encoded(value) for value in values}) == len(values)
    assert [encoded(value) for value in values] == [encoded(value) for value in values]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1, 2, 3}, {3, 2, 1}),
        (Masked("a"), "a"),
        (float("nan"), float("nan")),
        (Tenant("a"), Tenant(Masked("a"))),
        (("a",), (Masked("a"),)),
        (["a", 1], [Masked("a"), 1]),
        (Secret("a", "x"), Secret("b", "x")),
    ],
)
def test_what_is_the_same_is_told_in_the_same_way(one: object, other: object) -> None:
    assert encoded(one) == encoded(other)


def test_what_an_object_remembers_does_not_count() -> None:
    one, other = Grown("a", 1), Grown("a", 1)
    assert one.remembered
    assert encoded(one) == encoded(other)


class Opaque:
    """Like the row of a database: its text is its name, or nothing."""

    def __repr__(self) -> str:
        return "<row>"


def nested() -> list[Any]:
    within: list[Any] = []
    within.append(within)
    return within


REFUSED = [Opaque(), (Opaque(),), {"a": [Opaque()]}, Tenant(Opaque()), threading.Lock(), counted("a"), nested()]  # type: ignore[arg-type]


@pytest.mark.parametrize("value", REFUSED)
def test_what_can_not_be_compared_is_refused_at_construction(value: object) -> None:
    class Mine(PlainProvider):
        @property
        def identity(self) -> Any:
            return (self.token_url, value)

    with pytest.raises(TypeError, match=r"^Mine\.identity(\[1\]| is nested)") as caught:
        TokenAuth(Mine(URL))
    assert "row" not in str(caught.value)


def test_the_text_says_where_and_what_to_write() -> None:
    with pytest.raises(TypeError, match=r"^identity\[0\]\.name is of the type Opaque, .*Write what distinguishes"):
        Identity.of((Tenant(Opaque()),))  # type: ignore[arg-type]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.dates(),
)
HASHABLE = st.one_of(SCALARS, st.frozensets(SCALARS, max_size=3), st.tuples(SCALARS, SCALARS))
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(SCALARS, inner, max_size=3),
        st.builds(Tenant, inner),
        st.builds(Pair, inner, inner),
    ),
    max_leaves=8,
)


def strict(value: Any) -> Any:
    """Return *value* so that `==` tells kinds apart, too."""
    kind = type(value)
    if kind in {tuple, list, Pair}:
        return kind, tuple(map(strict, value))
    if kind is dict:
        return kind, frozenset((strict(name), strict(each)) for name, each in value.items())
    if kind is frozenset:
        return kind, frozenset(map(strict, value))
    if kind is Tenant:
        return kind, strict(value.name), strict(value.region)
    return kind, repr(value)


@settings(max_examples=5 * settings().max_examples)
@given(VALUES, VALUES)
def test_two_values_are_told_in_one_way_exactly_where_they_are_one(one: Any, other: Any) -> None:
    assert (encoded(one) == encoded(other)) == (strict(one) == strict(other))


PRINTED = """
from tests.unit.test_identity import *
values = [frozenset(map(str, range(20))), {str(n): {str(n), n} for n in range(9)}, Tenant("a"), Right(3), fixed]
print(encoded(values).hex(), Login(URL, form={"at": fixed}, public=["at"]).identity)
"""


def test_it_is_the_same_in_every_process() -> None:
    """One by which this process hashes, and one by which another does."""
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "2" else "2"
    command, root = [sys.executable, "-c", PRINTED], Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    ran = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True, text=True)
    with contextlib.redirect_stdout(io.StringIO()) as here:
        exec(PRINTED, {})
    assert ran.stdout == here.getvalue()


# what it is for


def local(scope: str) -> Any:
    """Return a provider of a class like that of the last call, which asks for something else."""

    class Mine(PlainProvider):
        def request(self, refresh_token: str | None = None) -> Any:
            return super().request(scope)

    return Mine(URL)


class Scoped(Login):
    def __init__(self, scope: object) -> None:
        super().__init__(URL, form={"key": "k"})
        self.scope = scope


APART: dict[str, Callable[[], list[Any]]] = {
    "fields that change places": lambda: [
        Login(URL, form={"x": "a", "y": fixed}),
        Login(URL, form={"x": fixed, "y": "a"}),
    ],
    "secrets that change places": lambda: [
        Login(URL, form={"x": "a", "y": "b"}),
        Login(URL, form={"y": "a", "x": "b"}),
    ],
    "own secrets that change places": lambda: [with_secrets("a", fixed), with_secrets(fixed, "a")],
    "texts like ours": lambda: [
        Login(URL, json={"a": "b", "c": fixed}, public=["a", "c"]),
        Login(URL, json={"a": "b", "c": "Leaf.FRESH"}, public=["a", "c"]),
    ],
    "public callables": lambda: [
        Login(URL, form={"key": "k", "tenant": each}, public=["tenant"]) for each in (fixed, other)
    ],
    "local classes": lambda: [local("read"), local("admin")],
    "what a subclass adds": lambda: [Scoped("read"), Scoped("admin"), Login(URL, form={"key": "k"})],
    "methods": lambda: [Login(URL, form={"key": "k"}, method=each) for each in ("GET", "POST")],
    "units": lambda: [Login(URL, form={"key": "k"}, unit=each) for each in ("s", "ms")],
    "expected values": lambda: [Login(URL, form={"key": "k"}, success=("a", each)) for each in (1, "1", True)],
    "dataclasses": lambda: [own(Tenant("a", "eu")), own(Tenant("a", "us"))],
}


def with_secrets(one: Any, other: Any) -> PlainProvider:
    provider = PlainProvider(URL)
    provider.secrets = (Secret("one", one), Secret("other", other))
    return provider


class Own(PlainProvider):
    told: object = None

    @property
    def identity(self) -> Any:
        return (self.told,)


def own(told: object) -> Own:
    provider = Own(URL)
    provider.told = told
    return provider


@pytest.mark.parametrize("what", APART)
def test_credentials_that_ask_for_something_else_have_a_token_each(what: str) -> None:
    providers = APART[what]()
    assert len({key(provider) for provider in providers}) == len(providers)
    assert [key(provider) for provider in providers] == [key(provider) for provider in providers]


def test_what_a_subclass_adds_must_be_comparable() -> None:
    with pytest.raises(TypeError, match=r"^Scoped\.identity.*\['scope'\] is of the type Opaque"):
        TokenAuth(Scoped(Opaque()))


class Vault:
    """A callable without a hash."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vault)

    def __call__(self) -> str:
        return "x"


def test_a_callable_without_a_hash_is_told_by_being_itself() -> None:
    one, other = (Login(URL, form={"key": Vault()}) for _ in range(2))
    cache: dict[Any, Any] = {key(one): 1}
    assert key(one) in cache
    assert key(other) not in cache


def test_what_one_process_alone_can_tell_is_refused_with_a_store() -> None:
    class Here(SecretProvider):
        """A class that no other process finds."""

    for provider in (Here(URL), Login(URL, form={"key": "k", "at": lambda: "x"}, public=["at"])):
        with pytest.raises(ValueError, match="store= needs a provider that every process"):
            TokenAuth(provider, store=DictStore())
    assert TokenAuth(Login(URL, form={"key": "k", "at": fixed}, public=["at"]), store=DictStore())


@pytest.mark.parametrize(
    ("bound", "place"),
    [
        ({"at": lambda: "x"}, r"identity\['at'\]"),
        (frozenset({lambda: "x"}), "a part of identity"),
        ({(lambda: "x"): 1}, "a key of identity"),
    ],
    ids=["value", "part", "key"],
)
def test_what_one_process_alone_can_tell_is_named_by_its_place(bound: object, place: str) -> None:
    (told,) = Identity.of(bound).bound
    assert re.fullmatch(place, told)


class Moody:
    """Each of its methods is made anew when it is asked for."""

    def read(self) -> str:
        return "x"

    def show(self) -> str:
        return "x"


@dataclass(eq=False)
class Opened:
    """A callable dataclass that holds something that can't be compared."""

    file: object

    def __call__(self) -> str:
        return "x"


def test_callables_make_one_auth_object_equal_another_if_they_are_surely_the_same() -> None:
    moody, file = Moody(), Opaque()
    for one, other, are_same in [
        (moody.read, moody.read, True),
        (moody.read, moody.show, False),
        (moody.read, Moody().read, False),
        (moody.read, fixed, False),
        (Vault(), Vault(), False),
        (Keeper("p", "t"), Keeper("p", "t"), True),
        (Keeper("p", "t"), Keeper("p", "u"), False),
        (Opened(file), Opened(file), False),
    ]:
        assert (Secret("key", cast(Any, one)) == Secret("key", cast(Any, other))) is are_same


class Passing:
    """Something whose place in memory another one may have later."""


def test_what_comes_after_another_has_a_mark_of_its_own_even_if_that_one_is_not_forgotten() -> None:
    """A mark is kept by its owner's id. Ctrl-C may hit the function that forgets it."""
    first, second = Passing(), Passing()
    mark = mark_of(first)
    identity._marks[id(second)] = kept = identity._marks[id(first)]
    assert mark_of(second) == mark_of(second) != mark
    identity._marks[id(first)] = theirs = identity._marks[id(second)]
    place = id(first)
    del first
    assert kept[0]() is None
    assert identity._marks.pop(place) is theirs, "another's mark at that place stays"


def test_an_ordered_mapping_is_told_by_its_items() -> None:
    assert encoded(OrderedDict(a=1)) != encoded(OrderedDict(a=2))


class Agreeing:
    """A callable that says it equals any other."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __call__(self) -> str:
        return self.value

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


@dataclass(frozen=True)
class Keeper:
    path: str
    tenant: str = field(default="", compare=False)

    def __call__(self) -> str:
        return f"secret of {self.tenant}"


HOME = ["https://api.example"]
TAKE_A_SECRET: dict[str, Callable[[Any], Any]] = {
    "Login": lambda secret: Login(URL, json={"password": secret}),
    "Login, Basic": lambda secret: Login(URL, basic=("u", secret)),
    "Login, list": lambda secret: Login(URL, form={"password": [secret]}),
    "Login, user": lambda secret: Login(URL, json={"user": secret}),
    "Manis": lambda secret: Manis("https://manis.example", merchant_id="m", secret=secret),
    "ClientCredentials": lambda secret: ClientCredentials(URL, client_id="c", client_secret=secret),
    "RefreshToken": lambda secret: RefreshToken(URL, client_id="c", refresh_token=secret),
    "TokenExchange": lambda secret: TokenExchange(URL, subject_token=secret),
    "JWTBearer": lambda secret: JWTBearer(URL, key=secret, issuer="i"),
    "Command": lambda secret: Command(["show"], origins=HOME, env={"PASSWORD": secret}),
    "APIKey": lambda secret: APIKey(secret, origins=HOME),
    "Function": lambda secret: Function(secret, origins=HOME),
}


@pytest.mark.parametrize("kind", TAKE_A_SECRET)
@pytest.mark.parametrize(
    ("one", "other"),
    [(Agreeing("a-1"), Agreeing("a-2")), (Keeper("p", "t-1"), Keeper("p", "t-2"))],
    ids=["object", "dataclass"],
)
def test_a_callable_that_says_it_equals_another_is_another_credential(kind: str, one: object, other: object) -> None:
    make = TAKE_A_SECRET[kind]
    assert key(make(one)) == key(make(one))
    assert key(make(one)) != key(make(other))


@pytest.mark.parametrize("kind", ["Login", "Manis", "RefreshToken"])
def test_dataclasses_with_the_same_in_them_are_one_credential(kind: str) -> None:
    assert key(TAKE_A_SECRET[kind](Keeper("p", "t"))) == key(TAKE_A_SECRET[kind](Keeper("p", "t")))


def _printed() -> str:
    return "token-1"


BASES: dict[str, tuple[type, tuple[Any, ...], dict[str, Any]]] = {
    "Function": (Function, (_printed,), {"origins": HOME}),
    "Command": (Command, (["show"],), {"origins": HOME}),
    "File": (File, ("/run/token",), {"origins": HOME}),
    "APIKey": (APIKey, ("key-1",), {"origins": HOME}),
    "Login": (Login, (URL,), {"json": {"password": "p-1"}}),
    "ClientCredentials": (ClientCredentials, (URL,), {"client_id": "c", "client_secret": "s-1"}),
    "TokenExchange": (TokenExchange, (URL,), {"subject_token": "t-1"}),
}


@pytest.mark.parametrize("slots", [False, True], ids=["attribute", "slot"])
@pytest.mark.parametrize("name", BASES)
def test_what_a_subclass_has_besides_tells_its_objects_apart(name: str, slots: bool) -> None:
    base, arguments, named = BASES[name]

    class OfTenant(base):  # type: ignore[misc, valid-type]  # one of several
        if slots:
            __slots__ = ("__tenant",)

        def __init__(self, tenant: str) -> None:
            self.__tenant = tenant
            super().__init__(*arguments, **named)

    assert key(OfTenant("a")) == key(OfTenant("a"))
    assert key(OfTenant("a")) != key(OfTenant("b"))
    assert OfTenant("a") != OfTenant("b")


@pytest.mark.parametrize("name", BASES)
def test_nothing_of_ours_counts_as_what_a_subclass_has_besides(name: str) -> None:
    base, arguments, named = BASES[name]

    class Same(base):  # type: ignore[misc, valid-type]  # one of several
        pass

    assert Same(*arguments, **named).identity == base(*arguments, **named).identity
    assert "_given" not in str(base(*arguments, **named).identity)


class Proof(ClientAuth):
    __slots__ = ("tenant",)

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant

    def applied(self, request: TokenRequest, client: object) -> TokenRequest:
        return request


def test_a_proof_with_slots_is_told_by_them() -> None:
    def provider(tenant: str) -> ClientCredentials:
        return ClientCredentials(URL, client_id="c", client_auth=Proof(tenant))

    assert key(provider("a")) == key(provider("a"))
    assert key(provider("a")) != key(provider("b"))
