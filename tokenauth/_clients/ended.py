"""What a request of httpx or httpx2 was signed with in flows that have ended. Who signs it next takes that off."""

from typing import Any

from tokenauth._core.signature import Signature

ENDED = "tokenauth"
"""The extension that lists it. Redirects inherit the list. No `Wire` is in it, for that holds the list itself."""


def begun(request: Any, *more: Signature) -> list[Any]:
    """Take off *request* what is listed, and *more*. Return the list that counts from now on."""
    ended: list[Any] = request.extensions.get(ENDED, [])
    for signature in (*ended, *more):
        before = str(request.url)
        url = signature.take_off(request.headers, before)
        if url != before:
            request.url = type(request.url)(url)
    now = [] if ended else ended
    request.extensions = {**request.extensions, ENDED: now}
    return now


def end(request: Any, sent: Any) -> None:
    """List what *request* was signed with, as *sent* says."""
    request.extensions.setdefault(ENDED, []).append(getattr(sent, "signature", sent))
