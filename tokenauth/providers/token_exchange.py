"""Token exchange (RFC 8693): trade a token that you have for one that the API accepts."""

from typing import Literal, Unpack

from tokenauth._core.secrets import Secret, SecretLike, checked_text
from tokenauth.providers._arguments import Value
from tokenauth.providers._grant import Grant, GrantOptions
from tokenauth.providers._sources import TextSource, comparable, process_bound, sealed, told

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  (a name)
_TYPES = "urn:ietf:params:oauth:token-type:"
_SHORT = frozenset({"access_token", "refresh_token", "id_token", "saml1", "saml2", "jwt"})

TokenType = Literal["access_token", "refresh_token", "id_token", "saml1", "saml2", "jwt"] | str
"""A type of RFC 8693 §3 by its last word, or any other by its whole URI."""


class TokenExchange(Grant):
    """Token exchange (RFC 8693), one token for another: `TokenExchangeAuth(token_url, subject_token=…)`."""

    _checked = Grant._checked | {"_subject", "_actor"}

    def __init__(
        self,
        token_url: str | None = None,
        *,
        subject_token: TextSource,
        subject_token_type: TokenType = "access_token",  # noqa: S107  (a name)
        actor_token: TextSource | None = None,
        actor_token_type: TokenType = "access_token",  # noqa: S107  (the same)
        requested_token_type: TokenType | None = None,
        client_id: str | None = None,
        client_secret: SecretLike | None = None,
        **options: Unpack[GrantOptions],
    ) -> None:
        """Get a token for the user or workload that the subject token identifies.

        The new token belongs to the subject, so make one auth object per subject. They are cheap, and objects with
        equal arguments share their token.

        Args:
            token_url: "https://host/path" of the token endpoint; or pass `issuer=`.
            subject_token: the token to exchange: a str; a `pathlib.Path` or a callable, read at each exchange; or
                another auth object, whose token is exchanged, and renewed if the server refuses it.
            subject_token_type: "access_token", "jwt", "id_token", "refresh_token", "saml1", "saml2", or the URI of
                another type. Default "access_token".
            actor_token: the token of the party that acts for the subject; same kinds as `subject_token`. Default none.
            actor_token_type: its type. Default "access_token".
            requested_token_type: type of the new token. Default: the server's choice.
            client_id: the client's identifier, if the server wants it. Default none.
            client_secret: its secret; a str, a callable, or anything with `get_secret_value()`. Default none.
            options: see `GrantOptions`: audience, resource, scope, client_auth, issuer, extra, and the options of every
                auth object.

        Raises:
            TypeError, ValueError: an argument is invalid. The message never shows its value.
        """
        self._subject = sealed("subject_token", subject_token)
        self._actor = None if actor_token is None else sealed("actor_token", actor_token)
        fields: dict[str, Value] = {
            "grant_type": TOKEN_EXCHANGE,
            "subject_token": self._subject,
            "subject_token_type": _type_of("subject_token_type", subject_token_type),
        }
        if self._actor is not None:
            fields["actor_token"] = self._actor
            fields["actor_token_type"] = _type_of("actor_token_type", actor_token_type)
        if requested_token_type is not None:
            fields["requested_token_type"] = _type_of("requested_token_type", requested_token_type)
        whose = f" of client {client_id}" if client_id else ""
        super().__init__(
            token_url,
            fields,
            options,
            client_id=client_id,
            client_secret=client_secret,
            name=f"OAuth token exchange{whose}",
            advice="Check the subject_token: is it live, of this type, and meant for this server?",
            public=("subject_token_type", "actor_token_type", "requested_token_type"),
            refreshes=True,
        )

    def _tokens(self) -> list[tuple[str, Secret]]:
        given = (("subject_token", self._subject), ("actor_token", self._actor))
        return [(name, secret) for name, secret in given if secret is not None]

    @property
    def identity(self) -> tuple[object, ...]:
        return (*super().identity, tuple(told(secret) for _, secret in self._tokens()))

    @property
    def process_bound(self) -> str:  # type: ignore[override]  # as Login has it
        bound = [super().process_bound, *(process_bound(name, secret) for name, secret in self._tokens())]
        return "; ".join(each for each in bound if each)

    @property
    def comparable(self) -> bool:  # type: ignore[override]  # as Login has it
        return super().comparable and all(comparable(secret) for _, secret in self._tokens())


def _type_of(name: str, kind: object) -> str:
    text = checked_text(name, kind)
    if text in _SHORT:
        return _TYPES + text
    if ":" not in text:
        raise ValueError(f"{name} must be one of {', '.join(sorted(_SHORT))}, or the URI of another type")
    return text
