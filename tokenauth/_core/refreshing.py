"""Refreshing: which refresh token of a credential is to be used, and who is told of a new one."""

from collections.abc import Callable
from functools import cached_property, partial

from tokenauth._core import errors, stand_in
from tokenauth._core.cache import Held
from tokenauth._core.credential import Credential
from tokenauth._core.lines import BROUGHT, Line
from tokenauth._core.talk import Talk
from tokenauth._core.token import Token


class Refreshing:
    """What one credential has to do with its line of refresh tokens."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential
        self._provider = credential.provider

    @cached_property
    def line(self) -> Line:
        """The refresh tokens of this credential."""
        return (BROUGHT if self.alone else self._credential.memory.lines).of(self._credential.key)

    @property
    def alone(self) -> bool:
        """Whether a refresh token is the only way to log in."""
        return self._provider.brought is not None

    @property
    def untold(self) -> Held | None:
        """What the listener has not been told of, so that it is not in use yet."""
        return self.line.untold if self._provider.refreshes else None

    def listener(self) -> Callable[[str], object] | None:
        """Return whom to tell of new refresh tokens: of all auth objects of this credential, the last that said so."""
        if self._provider.on_refresh_token is not None:
            self.line.listener = self._provider.on_refresh_token
        return self.line.listener

    def renewal(self, saved: Token | None, *, shared: bool) -> Token | None:
        """Return the token whose refresh token is to be used now; None to log in.

        *shared*: whether processes share their tokens, and so see to it that it is used once; *saved* is what they have
        saved then, and counts, unless this process knows what came of it. May block where the user's one is a callable.
        """
        provider, line = self._provider, self.line
        if not provider.refreshes or stand_in.current is not None:
            return None
        if provider.brought is not None:
            line.begin(provider.brought.reveal(), self._credential.birth or line.birth)
        if shared and saved is not None:
            line.go_on_from(saved)
        if provider.brought is not None:
            return self._ours(line, shared=shared)
        token = saved if shared else line.token if line.birth.is_here and not line.over else None
        if token is None or token.refresh_token is None or line.has_passed(token.refresh_token):
            return None  # a child and its parent would use it each, and the server would take that for theft
        return token

    def learn(self, saved: Token) -> None:
        """Let the refresh token that another process *saved* come next here, too: the store may lose it."""
        brought = self._provider.brought
        if brought is not None:
            self.line.begin(brought.last(), self._credential.birth or self.line.birth)
            self.line.go_on_from(saved)

    def _ours(self, line: Line, *, shared: bool) -> Token | None:
        """Return what is next in *line*; TokenAuthError where another process may use that, too."""
        given = line.token is not None and not line.token.value
        if not shared and (line.birth.is_elsewhere if given else not line.birth.is_here):
            text = "this process was forked from one that has the same refresh token, and each use of one ends it for"
            advice = "all others. Pass store=FileStore(), or another store, so that the processes share each new one"
            raise errors.TokenAuthError(f"{self._credential.name}: {text} {advice}")
        return line.token

    def ended(self, token: Token | None) -> Token | None:
        """Return what to log out: the cached *token*, or the session that its refresh token keeps alive."""
        if not self._provider.refreshes or not self.line.birth.is_here:
            return token
        last, was_over = self.line.token, self.line.over
        self.line.over = True
        return None if was_over else last if last is not None and last.value else token

    def unsend(self, refresh_token: str | None, failure: Exception) -> None:
        """Take *refresh_token* for unused where *failure* says that nothing was sent."""
        if refresh_token is not None and getattr(failure, "unsent", False):
            self.line.unspend(refresh_token)

    def follow(self, held: Held, talk: Talk) -> None:
        """Let the refresh token of *held* be the next one."""
        if held.token.refresh_token is not None:
            self.line.follow(held.token)
            if self.listener() is not None and held.token.refresh_token != talk.refresh_token:
                self.line.untold = held

    def told(self, held: Held) -> None:
        """The listener knows the refresh token of *held*: a caller that passes it from now on means this line."""
        if self.line.untold is held:
            self.line.untold = None
        mark = self._credential.mark_with(held.token.refresh_token or "")
        if mark is not None:
            BROUGHT.also(mark, self._credential.mark)

    def telling(self, held: Held) -> Callable[[], object] | None:
        """Return the call of the listener, or None where there is nothing new in *held*."""
        listener = self.listener()
        if listener is None or self.line.untold is not held or held.token.refresh_token is None:
            return None
        return partial(listener, held.token.refresh_token)

    @staticmethod
    def not_told(problem: BaseException) -> Exception:
        """Return the error for what the listener raised: without its text, which may quote the refresh token."""
        problem = errors.alone(problem)
        if isinstance(problem, errors.TokenAuthError):
            return problem
        text = f"on_refresh_token raised {type(problem).__name__}; call it by itself to see why. Nothing is lost: it is"
        return errors.TokenAuthError(f"{text} called again, with the same refresh token, before the new token is used")
