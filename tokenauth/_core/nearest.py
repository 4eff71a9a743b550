"""Nearest: what somebody meant who wrote a name that doesn't exist. Loaded when there is an error to write."""

from collections.abc import Iterable
from difflib import get_close_matches

_ELSEWHERE = {  # what others call it (requests, httpx, httpx-auth, Authlib, google-auth), or what does it here
    "auth": "basic",
    "data": "form",
    "early_expiry": "leeway",
    "query": "params",
    "token_endpoint": "token_url",
    "token_endpoint_auth_method": "client_auth",
    "token_field_name": "token",
    "token_uri": "token_url",
    **dict.fromkeys(("client", "session"), "token_client"),
}
_OF_TOKENS = {"access_token": "value", "expires_in": "lifetime", "token": "value"}  # what a response calls it
_THE_CLIENTS = frozenset({"cert", "proxies", "proxy", "trust_env", "verify"})


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name among *known* that is spelled like *name*, or ends with the same word: "token_url" for "url"."""
    names = sorted(known)
    if name in _ELSEWHERE:
        return _ELSEWHERE[name] if _ELSEWHERE[name] in names else None
    if _OF_TOKENS.get(name) in names:
        return _OF_TOKENS[name]
    namesakes = [each for each in names if each.rpartition("_")[2] == name.rpartition("_")[2]]
    for candidates, cutoff in ((names, 0.85), (namesakes, 0.0), (names, 0.6)):
        near = get_close_matches(name, candidates, n=1, cutoff=cutoff)
        if near:
            return near[0]
    return None


def unknown(taker: str, name: str, known: Iterable[str]) -> TypeError:
    """Return the error about *name*, which is not among the arguments that *taker* takes."""
    if name in _THE_CLIENTS and "token_client" in known:
        text = f"{taker} has no argument {name!r}: give it to a session or client, and pass that as token_client="
        return TypeError(text)
    near = nearest(name, known)
    return TypeError(f"{taker} has no argument {name!r}" + (f"; did you mean {near!r}?" if near else ""))
