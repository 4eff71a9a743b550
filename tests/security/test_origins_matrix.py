"""I5: the token stays home. Real servers record what came in; every client follows redirects to them."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.clients import CLIENTS, FAMILY, Client, Get, Post
from tests.security.world import CASES, OUTCOMES, PRESENTATIONS, Presentation, World, canaries
from tests.servers import Received, Reply, has_ipv6, serve

every_client = pytest.mark.parametrize("client", CLIENTS, ids=str)
every_presentation = pytest.mark.parametrize("presentation", PRESENTATIONS, ids=str)
SOME = [each for each in PRESENTATIONS if each.name in {"authorization", "custom"}]


def play(world: World, client: Client, presentation: Presentation, place: str, **options: object) -> list[int]:
    """Send every case in one session; return the final statuses."""
    world.begin(presentation, place)
    auth = presentation.auth(world.home.url, **options)
    answers = client.play(auth, *(Get(f"{world.home.url}/start/{case}") for case in CASES))
    return [answer.status for answer in answers]


def check_abroad(world: World, statuses: list[int], presentation: Presentation) -> None:
    """Nothing of ours went abroad, and what the foreign origin answered led to nothing."""
    assert statuses == [*OUTCOMES] * 5
    assert len(world.foreign) == len(CASES), world.show()
    assert [request.text for request in world.foreign if canaries(request)] == []
    assert world.logins == int(presentation.logs_in)
    starts = [request for request in world.home.requests if request.path.startswith("/start")]
    assert len(starts) == len(CASES)
    assert all(world.signed(request) for request in starts)


def places_abroad(world: World) -> dict[str, str]:
    home, far = urlsplit(world.home.url).netloc, urlsplit(world.far.url).netloc
    return {
        "port": f"{world.far.url}/target",
        "host": f"{world.home.at('localhost')}/target",
        "user info": f"http://user:pass@{far}/target",
        "home as user info": f"http://{home}@{far}/target",
        "no scheme": f"//{far}/target",
    }


def places_at_home(world: World) -> dict[str, str]:
    home = urlsplit(world.home.url).netloc
    return {
        "same": f"{world.home.url}/target",
        "relative": "/target",
        "user info": f"http://user:pass@{home}/target",
        "upper case": f"HTTP://{home}/target",
    }


@every_client
@every_presentation
@pytest.mark.parametrize("kind", ["port", "host", "user info", "home as user info", "no scheme"])
def test_a_foreign_origin_gets_nothing(
    plain_world: World, client: Client, presentation: Presentation, kind: str
) -> None:
    statuses = play(plain_world, client, presentation, places_abroad(plain_world)[kind])
    check_abroad(plain_world, statuses, presentation)


@every_client
@every_presentation
@pytest.mark.diagonal
def test_https_is_another_origin_than_http(
    upgrade_world: World, client: Client, presentation: Presentation, trusted: None
) -> None:
    statuses = play(upgrade_world, client, presentation, f"{upgrade_world.far.url}/target")
    check_abroad(upgrade_world, statuses, presentation)


@every_client
@every_presentation
@pytest.mark.diagonal
def test_nothing_goes_from_https_to_http(
    downgrade_world: World, client: Client, presentation: Presentation, trusted: None
) -> None:
    statuses = play(downgrade_world, client, presentation, f"{downgrade_world.far.url}/target")
    check_abroad(downgrade_world, statuses, presentation)


@every_client
@every_presentation
@pytest.mark.diagonal
def test_who_comes_home_from_abroad_gets_nothing(
    plain_world: World, client: Client, presentation: Presentation
) -> None:
    statuses = play(plain_world, client, presentation, f"{plain_world.far.url}/hop")
    check_abroad(plain_world, statuses, presentation)
    back = [request for request in plain_world.home.requests if request.path.startswith("/back")]
    assert len(back) == len(CASES)
    assert [request.text for request in back if canaries(request)] == []


@every_client
@every_presentation
@pytest.mark.parametrize("kind", ["same", "relative", "user info", "upper case"])
def test_a_redirect_at_home_is_signed(
    plain_world: World, client: Client, presentation: Presentation, kind: str
) -> None:
    statuses = play(plain_world, client, presentation, places_at_home(plain_world)[kind])
    assert statuses == [*OUTCOMES] * 5
    for case in CASES:
        at_target = plain_world.home.to(f"/target/{case}")
        assert 1 <= len(at_target) <= 2, plain_world.show()
        assert canaries(at_target[-1])
    assert plain_world.logins <= 6  # one, and one more for each target that says 401
    assert plain_world.foreign == []


@every_client
@every_presentation
@pytest.mark.diagonal
def test_an_origin_in_origins_gets_it(plain_world: World, client: Client, presentation: Presentation) -> None:
    world = plain_world
    world.begin(presentation, f"{world.far.url}/target", far_wants_it=True)
    auth = presentation.auth(world.home.url, origins=[world.far.url])
    good = [case for case in CASES if case.endswith("200")]
    requests = [Get(f"{world.home.url}/start/{case}") for case in good]
    answers = client.play(auth, *requests, Get(f"{world.far.url}/direct"))
    assert [answer.status for answer in answers] == [200] * 6, world.show()
    assert world.logins == int(presentation.logs_in)


@every_client
@every_presentation
def test_a_foreign_origin_gets_nothing_when_asked_directly(
    plain_world: World, client: Client, presentation: Presentation
) -> None:
    plain_world.begin(presentation, "")
    auth = presentation.auth(plain_world.home.url)
    urls = [f"{plain_world.far.url}/x/0/{outcome}" for outcome in OUTCOMES]
    assert [answer.status for answer in client.play(auth, *map(Get, urls))] == [*OUTCOMES]
    assert [request.text for request in plain_world.foreign if canaries(request)] == []
    assert plain_world.logins == 0


@every_client
@pytest.mark.parametrize("presentation", [each for each in PRESENTATIONS if each.logs_in], ids=str)
@pytest.mark.parametrize("place", ["home", "far"])
def test_after_a_renewal_a_redirect_has_the_new_token_or_none(
    plain_world: World, client: Client, presentation: Presentation, place: str
) -> None:
    world = plain_world
    world.begin(presentation, f"{world.home.url if place == 'home' else world.far.url}/target")
    auth = presentation.auth(world.home.url)
    client.get_token(auth)
    world.logins += 1  # the server forgets the first token, and will count from here
    answer = client.send(auth, Get(f"{world.home.url}/start/302/200"))
    assert answer.status == 200
    assert world.token == "canary-token-3"
    assert [request.text for request in world.foreign if canaries(request)] == []
    if place == "home":
        assert world.signed(world.home.to("/target/302/200")[-1])
        old = [request for request in world.home.to("/target/302/200") if "canary-token-1" in request.text]
        assert old == []
    assert len(world.home.to("/token")) == 2


# netrc


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "netrc"
    hosts = ("127.0.0.1", "localhost")
    path.write_text("".join(f"machine {host} login netrc-user password netrc-pass\n" for host in hosts))
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))


@every_client
@every_presentation
@pytest.mark.parametrize("kind", ["home", "port", "chain"])
@pytest.mark.usefixtures("netrc")
@pytest.mark.diagonal
def test_netrc_neither_replaces_the_token_nor_joins_the_token_call(
    plain_world: World, client: Client, presentation: Presentation, kind: str
) -> None:
    world = plain_world
    places = {"home": "/target", "port": f"{world.far.url}/target", "chain": f"{world.far.url}/hop"}
    statuses = play(world, client, presentation, places[kind])
    assert all("authorization" not in request.headers for request in world.home.to("/token"))
    if kind == "home":
        assert statuses == [*OUTCOMES] * 5, world.show()
    else:
        check_abroad(world, statuses, presentation)


# what clients and we may read differently


def odd_places(world: World) -> list[bytes]:
    home, far = urlsplit(world.home.url).netloc, urlsplit(world.far.url).netloc
    port, far_port = world.home.port, world.far.port
    texts = [
        *(f"{slashes}{far}/t" for slashes in ("\\\\", "/\\", "\\/", "///", "////", "/\t/", "\t//", "http:\\\\")),
        *(
            f"{scheme}{far}/t"
            for scheme in ("http:", "http:/", "http:///", "http:////", "HTTP://", "ht\ttp://", "\x0bhttp://")
        ),
        *(f"http://{host}:{far_port}/t" for host in ("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.")),
        *(f"http://{host}:{port}/t" for host in ("127.1", "2130706433", "0x7f000001", "localhost", "localhost.")),
        *(
            f"http://{host}:{port}/t"
            for host in ("LOCALHOST", "[::ffff:127.0.0.1]", "127.0.0.1.nip.example", "%31%32%37.0.0.1")
        ),
        *(
            f"http://{home}{trick}{far}/t"
            for trick in ("@", ":x@", "%40", "\\@", "#@", "?@", "/@", "%2f@", ";@", "&@", "\t@")
        ),
        *(
            f"http://{far}{trick}{home}/t"
            for trick in ("#@", "?@", "/@", "\\@", "/\\@", "%23@", "%2f@", "\x7f@", "#", "?")
        ),
        *(f"{path}{far}/t" for path in ("/..//", "/.//", "..//", ".//", "/%2f", "//\t", "?//", "?x=//", "http:?//")),
        f"http://{home}:{far_port}/t",
        f"http://x@{home}@{far}/t",
        f"http://[{home}]@{far}/t",
        f"http://[::1]:{far_port}/t",
        f"http://127.0.0.1:{far_port} /t",
        f"http://127.0.0.1 :{far_port}/t",
        f"http://127.0.0.1:0{far_port}/t",
        f"http://127.0.0.1:{far_port}%20/t",
        f"http://127.0.0.1:{far_port + 65536}/t",
        f"http://\uff11\uff12\uff17.0.0.1:{far_port}/t",
        f"http://127\u30020\u30020\u30021:{far_port}/t",
        f"http://\u24dbocalhost:{port}/t",
        "javascript:alert(1)",
        "data:,x",
        "",
        "http://",
        "http://:80/",
        "//",
    ]
    return [text.encode() for text in texts] + [
        f"http://{far}/\xff\xfe".encode("latin-1"),
        b"http://\xff\xfe" + far.encode(),
    ]


PARTS = 8
"""One in so many places is met by one test: an axis of few values, which the quick run thins out."""


@pytest.mark.diagonal
@every_client
@pytest.mark.parametrize("presentation", [pytest.param(SOME[0], marks=pytest.mark.slow), SOME[1]], ids=str)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_spelling_of_a_place_gets_the_token_abroad(
    plain_world: World, client: Client, presentation: Presentation, part: int
) -> None:
    """Whatever a client makes of such a Location (most refuse them): what isn't spelt as home gets nothing."""
    world = plain_world
    auth = presentation.auth(world.home.url)
    for place in odd_places(world)[part::PARTS]:
        world.begin(presentation, "")
        world._to = lambda status, location, place=place: World._to(world, status, place)  # type: ignore[method-assign, misc]
        try:
            client.get(auth, f"{world.home.url}/start/302/200", timeout=2)
        except Exception as problem:
            assert "canary" not in str(problem)  # noqa: PT017  (any error will do, or none)
        finally:
            del world._to
        assert [request.text for request in world.foreign if canaries(request)] == [], place
        auth.invalidate()


@every_client
@pytest.mark.parametrize("presentation", SOME, ids=str)
def test_other_spellings_of_home_are_home(plain_world: World, client: Client, presentation: Presentation) -> None:
    world = plain_world
    world.begin(presentation, "/target")
    port = world.home.port
    world.names = ("localhost", "LOCALHOST")
    auth = presentation.auth(f"http://LocalHost:{port}")
    for host in world.names:
        url = f"http://{host}:{port}/x/0/200"
        assert client.get(auth, url) == 200
        assert canaries(world.home.requests[-1]), host


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
@every_client
@pytest.mark.parametrize("presentation", SOME, ids=str)
def test_an_ipv6_address_is_an_origin(plain_world: World, client: Client, presentation: Presentation) -> None:
    world = plain_world
    with serve(world.at_home, host="::1") as six:
        world.begin(presentation, f"{world.far.url}/target")
        world.names = ("[::1]", "[0:0::1]")
        there, world.home = world.home, six
        try:
            auth = presentation.auth(f"http://[0:0::1]:{six.port}")
            at_home = client.send(auth, Get(f"{six.url}/x/0/200"))
            abroad = client.send(auth, Get(f"{six.url}/start/302/401"))
        finally:
            world.home = there
        assert (at_home.status, abroad.status) == (200, 401)
        assert [request.text for request in world.far.requests if canaries(request)] == []
        assert world.logins == 1


@pytest.mark.parametrize("client", FAMILY, ids=str)
@every_presentation
def test_the_users_trace_sees_every_header_once(plain_world: World, client: Client, presentation: Presentation) -> None:
    world = plain_world
    world.begin(presentation, "/target")
    sent: list[list[bytes]] = []

    def see(name: str, info: Any) -> None:
        if name.endswith("send_request_headers.started"):
            sent.append([name.lower() for name, _ in info["request"].headers])

    async def asee(name: str, info: Any) -> None:
        see(name, info)

    auth = presentation.auth(world.home.url, origins=[world.far.url])
    request = Get(f"{world.home.url}/start/302/200", extensions={"trace": asee if client.is_async else see})
    assert client.send(auth, request).status == 200
    assert len(sent) == 2
    assert all(len(names) == len(set(names)) for names in sent), sent


@pytest.mark.usefixtures("netrc")
@pytest.mark.parametrize("status", [307, 308])
def test_netrc_does_not_take_the_tokens_place_after_a_one_shot_body(plain_world: World, status: int) -> None:
    """requests would sign the hop by netrc; it sends no body any more, and a retry could not bring it back."""
    world = plain_world
    world.begin(PRESENTATIONS[0], "/target")
    auth = PRESENTATIONS[0].auth(world.home.url)
    request = Post(f"{world.home.url}/start/{status}/200", **CLIENTS[0].generator([b"body"]))
    assert CLIENTS[0].send(auth, request).status == 200
    assert world.logins == 1
    assert CLIENTS[0].get(auth, f"{world.home.url}/target/{status}/200") == 200
    assert world.logins == 1


@pytest.mark.usefixtures("netrc")
def test_what_netrc_has_put_on_a_request_is_not_ours_to_take_off() -> None:
    """requests signs by netrc the hop abroad; the one at home has our token."""
    with serve(lambda request: Reply(200)) as far:
        there = {"/a": "/b", "/b": f"{far.url}/c"}

        def answer(request: Received) -> Reply:
            if request.path == "/token":
                return Reply(200, {"token": "canary-token", "lifetime": 60})
            return Reply(302, headers={"Location": there[request.path]})

        with serve(answer) as home:
            auth = PRESENTATIONS[0].auth(home.url)
            assert CLIENTS[0].get(auth, f"{home.url}/a") == 200
            received = [*home.to("/a"), *home.to("/b"), *far.requests]
    schemes = [request.headers["authorization"].partition(" ")[0] for request in received]
    assert schemes == ["Bearer", "Bearer", "Basic"]
    assert not canaries(received[-1])
