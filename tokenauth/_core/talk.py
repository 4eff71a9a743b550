"""Talk: one login in progress. The provider says what to send next, until there is a token."""

import traceback
from collections.abc import Generator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from tokenauth._core import errors
from tokenauth._core.cache import digest
from tokenauth._core.credential import Credential
from tokenauth._core.effects import check_headers
from tokenauth._core.errands import Errand
from tokenauth._core.frozen import replace
from tokenauth._core.messages import Reply, TokenRequest
from tokenauth._core.origins import checked_origin
from tokenauth._core.provider import titled, where
from tokenauth._core.secrets import Readings, Unshown, each_read_once
from tokenauth._core.token import Token, problem_of
from tokenauth._core.under_way import login_under_way
from tokenauth._lazy import says_what_to_install

if TYPE_CHECKING:
    from tokenauth._core.error_tree import TokenAuthError


class Talk:
    """Runs a provider's `login`: `begin`, then `answer` each `request`, until there is a `token`.

    Each callable secret is called only once. Whatever the provider raises becomes a `TokenAuthError`.

    Attributes:
        request: what to send next; None once `token` is there.
        mark: changes with the secrets that were read; "" where there are none.
        reply: the response that contained the token.
    """

    request: TokenRequest | Errand | None
    token: Token
    reply: Reply
    mark: str

    def __init__(self, credential: Credential, refresh_token: str | None = None) -> None:
        self._credential = credential
        self._provider = credential.provider
        self.refresh_token = refresh_token
        self._readings: Readings = {}
        self._secrets: tuple[str, ...] = (refresh_token,) if refresh_token is not None else ()
        self._steps: Generator[TokenRequest | Errand, Reply, Token] | None = None

    @classmethod
    def over(cls, credential: Credential, token: Token) -> "Talk":
        """Return one that has brought *token* just now."""
        talk, now = cls(credential), credential.wall()
        talk.mark, talk.request, talk.token = "", None, token
        talk.reply = Reply(200, sent=credential.monotonic(), sent_at=now, received_at=now)
        return talk

    def begin(self) -> "Talk":
        """Read the secrets and build the first request. May block where a secret is a callable."""
        provider = self._provider
        try:
            with each_read_once(self._readings), login_under_way(*self._credential.setting):
                secrets = tuple(Unshown(secret.reveal()) for secret in provider.secrets)
                self.mark, self._secrets = digest(*secrets) if secrets else "", (*self._secrets, *secrets)
                self._steps = self._begun(provider.login(self.refresh_token))
                self.request = self._checked(next(self._steps))
            return self
        except StopIteration:
            failure: Exception = errors.TokenAuthError(f"{provider.name}: its login makes no token request")
        except Exception as error:
            failure = self._cleaned(error, errors.TokenAuthError, "building the token request")
        raise failure

    def _begun(self, steps: Any) -> Generator[TokenRequest | Errand, Reply, Token]:
        if hasattr(steps, "__next__"):
            return steps  # type: ignore[no-any-return]
        getattr(steps, "close", bool)()  # or a coroutine warns that it was never awaited
        text = f"{self._provider.name}: its login must be a generator, not return {type(steps).__name__}: write"
        text += " `reply = yield TokenRequest(…)`, then `return Token(…)`. For a function that returns a token there is"
        raise errors.TokenAuthError(f"{text} FunctionAuth")

    def answer(self, reply: Reply) -> None:
        """Take the answer to `request`."""
        assert self._steps is not None, "begin first"  # noqa: S101  (for the type checker)
        provider = self._provider
        reply = replace(reply, secrets=self._secrets)  # as they were when they were sent
        try:
            with each_read_once(self._readings), login_under_way(*self._credential.setting):
                self.request = self._checked(self._steps.send(reply))
            return
        except StopIteration as end:
            problem = problem_of(end.value)
            if not problem:
                self.request, self.token, self.reply = None, end.value, reply
                return
            text = f"{titled(provider)} answered with an unusable token: {problem}. Check the URL"
            failure: Exception = errors.TokenResponseError(text, status=reply.status)
        except Exception as error:
            what = f"reading the answer of {where(provider)}"
            failure = self._cleaned(error, errors.TokenResponseError, what, status=reply.status)
        raise failure

    def farewell(self, token: Token) -> TokenRequest | None:
        """Return the call that ends *token*, or None."""
        with login_under_way(*self._credential.setting):
            request = self._provider.logout(token)
        return None if request is None else self.checked(request)

    def _checked(self, request: TokenRequest | Errand) -> TokenRequest | Errand:
        if isinstance(request, TokenRequest):
            return self.checked(request)
        if isinstance(request, Errand):
            return request
        kind = type(request).__name__
        raise errors.TokenAuthError(f"{self._provider.name}: its login must ask with a TokenRequest, not {kind}")

    def checked(self, request: TokenRequest) -> TokenRequest:
        """Return *request*; TokenAuthError where it can't be sent, or would go in clear."""
        check_headers(request)
        if request.url != self._provider.token_url:
            try:
                checked_origin(request.url, "the URL of a token request", allow_http=self._credential.allow_http)
            except (TypeError, ValueError) as problem:
                raise errors.TokenAuthError(f"{self._provider.name}: {problem}") from None
        return request

    def _cleaned(
        self, problem: BaseException, kind: "type[TokenAuthError]", what: str, **evidence: Any
    ) -> "TokenAuthError":
        """Return the error to raise for *problem*, without the frames, the cause and the text that hold secrets.

        Raise it outside of any `except` block, or it would be chained after all.
        """
        self._steps = None  # its frame holds secrets
        problem = errors.alone(problem)
        if isinstance(problem, errors.TokenAuthError):
            problem.__cause__ = problem.__context__ = problem.__traceback__ = None
            return problem
        if says_what_to_install(problem):
            return kind(f"{self._provider.name}: {problem}", **evidence)
        place = traceback.extract_tb(problem.__traceback__)[-1]
        at = f"{type(problem).__name__} ({PurePath(place.filename).name}, line {place.lineno})"
        return kind(f"{self._provider.name}: {what} raised {at}", **evidence)
