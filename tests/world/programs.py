"""Programs that are started by tests, for what they do to a process can't be undone.

    python -m tests.world.programs gevent requests http://127.0.0.1:1234

Each prints its findings, a line of JSON each, and goes on where it is told to by a line on stdin.
"""

import json
import os
import sys
import warnings
from typing import Any


def say(**findings: Any) -> None:
    print(json.dumps(findings), flush=True)


def auth(url: str, **options: Any) -> Any:
    from tests.support import PlainProvider
    from tokenauth import TokenAuth

    return TokenAuth(PlainProvider(url, "canary-user"), **options)


def opened(library: str, made: Any) -> Any:
    """Return the `get` of a session or client of *library*."""
    if library == "requests":
        import requests

        session = requests.Session()
        session.auth = made
        return session.get
    from importlib import import_module

    return import_module(library).Client(auth=made, timeout=20).get


def _gevent(library: str, url: str) -> None:
    from gevent import monkey

    monkey.patch_all()
    import gevent

    get = opened(library, auth(url))
    jobs = [gevent.spawn(get, f"{url}/api") for _ in range(20)]
    gevent.joinall(jobs, timeout=30)
    say(statuses=[job.value.status_code if job.value is not None else repr(job.exception) for job in jobs])


def _gevent_timeout(library: str, url: str) -> None:
    """A login that does not end before the caller's gevent.Timeout, which is a BaseException."""
    from gevent import monkey

    monkey.patch_all()
    import gevent

    get = opened(library, auth(url))
    try:
        with gevent.Timeout(0.3):
            get(f"{url}/api")
        say(given_up=False)
    except gevent.Timeout:
        say(given_up=True)
    jobs = [gevent.spawn(get, f"{url}/api") for _ in range(5)]
    gevent.joinall(jobs, timeout=30)
    say(statuses=[job.value.status_code if job.value is not None else repr(job.exception) for job in jobs])


def _gevent_goes_on(library: str, url: str) -> None:
    """What other greenlets do while one logs in: they are not held up."""
    from gevent import monkey

    monkey.patch_all()
    import gevent

    get = opened(library, auth(url))
    job = gevent.spawn(get, f"{url}/api")
    turns = 0
    while turns < 20:  # which the server waits for before it answers the login
        gevent.sleep(0.01)
        turns += 1
    say(turns=turns)
    job.join(30)
    say(statuses=[job.value.status_code if job.value is not None else repr(job.exception)])


def _grequests(library: str, url: str) -> None:
    import grequests  # which calls patch_all(thread=False, select=False)

    made = auth(url)
    answers = grequests.map([grequests.get(f"{url}/api", auth=made) for _ in range(20)])
    say(statuses=[getattr(answer, "status_code", None) for answer in answers])


def _eventlet(library: str, url: str) -> None:
    warnings.simplefilter("ignore")
    os.environ["EVENTLET_NO_GREENDNS"] = "yes"  # its own resolver can't be imported beside a dnspython with httpcore2
    import eventlet
    import trio  # noqa: F401  (httpcore imports it, and once eventlet has patched sockets it can't be imported)

    eventlet.monkey_patch()
    get = opened(library, auth(url))
    pool = eventlet.GreenPool(20)
    say(statuses=[answer.status_code for answer in pool.imap(get, [f"{url}/api"] * 20)])


def _in_child(library: str, made: Any, url: str, results: Any) -> None:
    """With a session of its own, for a connection that processes share mixes up their answers."""
    try:
        get = opened(library, made)
        results.put([get(f"{url}/api").status_code for _ in range(3)])
    except Exception as problem:
        results.put(repr(problem))


def _prefork(context: Any, library: str, url: str, *, warm: bool) -> None:
    """Fork children as a pre-forking worker does: the auth object was made, and perhaps used, by their parent."""
    made = auth(url)
    if warm:
        opened(library, made)(f"{url}/api")
    results = context.Queue()
    children = [context.Process(target=_in_child, args=(library, made, url, results)) for _ in range(4)]
    for child in children:
        child.start()
    answers = [results.get(timeout=30) for _ in children]
    for child in children:
        child.join(30)
    say(statuses=answers, exit_codes=[child.exitcode for child in children])


def _fork(library: str, url: str) -> None:
    import multiprocessing

    _prefork(multiprocessing.get_context("fork"), library, url, warm=False)


def _fork_warm(library: str, url: str) -> None:
    import multiprocessing

    _prefork(multiprocessing.get_context("fork"), library, url, warm=True)


def _billiard(library: str, url: str) -> None:
    from billiard.context import ForkContext

    _prefork(ForkContext(), library, url, warm=False)


def _billiard_warm(library: str, url: str) -> None:
    from billiard.context import ForkContext

    _prefork(ForkContext(), library, url, warm=True)


PROGRAMS = {
    "gevent": _gevent,
    "gevent-timeout": _gevent_timeout,
    "gevent-goes-on": _gevent_goes_on,
    "grequests": _grequests,
    "eventlet": _eventlet,
    "fork": _fork,
    "fork-warm": _fork_warm,
    "billiard": _billiard,
    "billiard-warm": _billiard_warm,
}

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]](sys.argv[2], sys.argv[3])
