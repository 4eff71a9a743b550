"""What keeps the headers of a request of requests or niquests at home, and how their URLs are read for it."""

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from tokenauth._clients.signed_requests import let_go
from tokenauth._core.frozen import Frozen, part
from tokenauth._core.origins import Origin
from tokenauth._core.signature import Signature

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # RFC 3986 §3.1


class Guard(Frozen):
    """What a pickle has in the hook's place: it takes off what is ours before that goes abroad, and holds no secret."""

    names: tuple[str, ...]
    homes: tuple[str, ...]
    params: tuple[str, ...] = part(default=())
    cookies: tuple[str, ...] = part(default=())

    def __call__(self, response: Any, **_: Any) -> Any:
        if response.is_redirect and str(origin_of(target_of(response))) not in self.homes:
            self.strip(response.request)
        return response

    def moved(self, request: Any, before: str | None) -> None:
        if str(origin_of(request.url)) not in self.homes:
            self.strip(request)

    def strip(self, request: Any) -> None:
        """Take off *request* what is ours, by name."""
        strip(request, Signature(*(dict.fromkeys(names, "") for names in (self.names, self.params, self.cookies))))

    def met(self, *_: object) -> None:
        """Whose token it was is not known any more."""

    def cookies_made(self, request: Any) -> None:
        """There are none of ours to put back."""

    def gives_way(self, request: Any, auth: Any) -> bool:
        return True

    def by(self, sender: Any) -> None:
        """Nothing is sent again."""


def strip(request: Any, signature: Signature) -> None:
    """Take *signature* off *request*, by name, for a copy may carry an older value."""
    let_go(request.headers)
    for name in signature.headers:
        request.headers.pop(name, None)
    if signature.cookies and (cookie := request.headers.pop("Cookie", None)) is not None:
        kept = signature.foreign_cookies(cookie)
        if kept:
            request.headers["Cookie"] = kept
    if signature.params:
        request.__dict__["url"] = signature.without(request.url or "")


def origin_of(url: str | None) -> Origin | None:
    try:
        return Origin.parse(url or "")
    except ValueError:
        return None


def place_of(home: Origin, request: Any, url: str | None = None) -> str:
    """Return the place of *request*, whose URL may be another by now, for `Futility`."""
    return f"{request.method} {home}{urlsplit(url or request.url).path}"


def target_of(response: Any) -> str:
    """Return the URL of a redirect, "" where the client, urllib and we might not read the same in its Location."""
    location: str = response.headers["location"]
    if "\\" in location or any(character <= " " or character >= "\x7f" for character in location):
        return ""
    if location.startswith("//"):
        return f"{urlsplit(response.url).scheme}:{location}"
    return location if _SCHEME.match(location) else response.url  # a path stays at this origin


def joined(response: Any) -> str:
    """Return the absolute URL of the redirect *response*. urllib joins no URL of a scheme that it doesn't know."""
    scheme, _, rest = response.url.partition(":")
    location = response.headers["location"]
    url = urljoin(f"http:{rest}", location)
    return url if _SCHEME.match(location) else f"{scheme}{url.removeprefix('http')}"


def scheme_of(url: str | None) -> str:
    return (url or "").partition(":")[0].lower()


def bare(url: str | None) -> str:
    """Return *url* without its fragment, which a redirect inherits."""
    return urlsplit(url or "")._replace(fragment="").geturl()
