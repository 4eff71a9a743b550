"""Stand-in: who logs in for every auth object while a test says so (`tokenauth.testing`). Else there is none."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tokenauth._core.provider import Provider
    from tokenauth._core.signature import Signature
    from tokenauth._core.token import Token


class StandIn(Protocol):
    @property
    def token(self) -> str: ...  # replaces any secret that a request carries

    def login_of(self, provider: "Provider", /) -> "Token": ...  # or raise

    def note(self, method: str | None, url: str, signature: "Signature", /) -> None: ...


current: StandIn | None = None


def tell(request: Any, signature: "Signature") -> None:
    """Tell the stand-in, if there is one, that *request*, or one to that URL, is about to carry *signature*."""
    if current is not None:
        method = getattr(request, "method", None)
        current.note(method, signature.url(str(getattr(request, "url", request))), signature)
