"""An auth object that holds a token from the beginning."""

from typing import TypeVar

from tokenauth._clients.base import BaseTokenAuth
from tokenauth._core.frozen import replace
from tokenauth._core.talk import Talk
from tokenauth._core.token import Token
from tokenauth.testing._fake import sendable

Auth = TypeVar("Auth", bound=BaseTokenAuth)


def logged_in(auth: Auth, token: str | Token) -> Auth:
    """Return a copy of *auth* that holds *token*, in a cache of its own, as if it had just logged in.

    It logs in when the token is refused or expires. A text never expires; say `Token("…", lifetime=3600)`.

    Raises:
        ValueError: *token* can't be sent.
    """
    held = sendable(token)
    twin = auth.replace(cache={})
    held = replace(held, kept={**twin._source.provider.faked(held.value).kept, **held.kept})
    flight, logins = twin._source.solo(), twin._source.logins
    talk = Talk.over(twin._source.credential, held)
    logins.keep(flight, logins.accept(flight, talk, None), talk)
    return twin
