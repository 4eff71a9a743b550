"""What a request of httpx or httpx2 was signed with in flows that have ended. Who signs it next takes that off."""

from typing import Any

ENDED = "tokenauth"
"""The extension with what a request was signed with in flows that have ended. Redirects inherit it."""


def begun(request: Any) -> list[Any]:
    """Return what *request* was signed with in flows that have ended. From now on, those of a new request count."""
    ended: list[Any] = request.extensions.get(ENDED, [])
    if ended or ENDED not in request.extensions:
        request.extensions = {**request.extensions, ENDED: []}
    return ended
