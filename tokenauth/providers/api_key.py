"""APIKey: a constant key on each request. Nothing is fetched. Origins and redirects are handled as for tokens."""

from collections.abc import Generator, Iterable, Mapping
from typing import Unpack

from tokenauth._core import errors
from tokenauth._core.errands import CallFunction
from tokenauth._core.messages import Reply
from tokenauth._core.options import OtherOptions
from tokenauth._core.origins import Origin
from tokenauth._core.secrets import Secret, SecretLike
from tokenauth._core.signature import Signature
from tokenauth._core.token import Token
from tokenauth.providers._carry import Carry
from tokenauth.providers._elsewhere import Elsewhere

_CONSTANT = "a key is neither fetched nor renewed"


class APIKey(Elsewhere):
    """A constant key: `APIKeyAuth(key, origins=[…], header="X-API-Key")`."""

    _untold = Elsewhere._untold | {"_carry", "_key", "_places", "steady"}
    presents = True
    presents_by = "header= and scheme= of the key itself"
    idle: Mapping[str, str] = dict.fromkeys(
        ("cache", "leeway", "logout_at_exit", "refused", "store", "token_client"), _CONSTANT
    )

    def __init__(
        self,
        key: SecretLike,
        *,
        origins: Iterable[str],
        param: str | None = None,
        cookie: str | None = None,
        name: str | None = None,
        **options: Unpack[OtherOptions],
    ) -> None:
        """Put a key on each request.

        Args:
            key: a str, a callable (read at each request), or anything with `get_secret_value()`.
            origins: "https://host[:port]" of each API that may receive the key.
            param: query parameter that carries the key instead of a header. URLs often end up in logs: see "Security".
            cookie: cookie that carries the key instead of a header.
            name: name in errors and logs. Default "The API key".
            options: see `Options`. `header="X-API-Key"` names the header; the default is "Authorization" with "Bearer".

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        super().__init__(name or "The API key", origins, options)
        self._carry = Carry({"param": param, "cookie": cookie, "also": None}, self.options, frozenset())
        self.options = {each: value for each, value in self.options.items() if each not in {"header", "scheme"}}
        self._key = Secret("key", key, header=param is None)
        self.secrets, self.steady = (self._key,), True
        self._places = frozenset(map(Origin.parse, self._homes))
        if not self._key.dynamic:
            self._checked(self._key.reveal(), ValueError)

    def _checked(self, value: str, kind: type[Exception]) -> str:
        if not self._carry.takes(value):
            raise kind("key has a character that can't go into a cookie (RFC 6265)")
        return value

    def is_static(self, origin: Origin) -> bool:
        return origin in self._places

    def static(self, origin: Origin) -> Signature | None:
        if not self.is_static(origin):
            return None
        return self._carry.signature(Token(self._checked(self._key.reveal(), errors.TokenAuthError)))

    def login(self, refresh_token: str | None = None) -> Generator[CallFunction, Reply, Token]:
        """Return the key as a token, for `get_token()`."""
        reply = yield CallFunction(self._key.last, self.name)
        return Token(reply.result)
