"""Sliding: tokens that live a while from their last use, which is known here only.

Law: only a provider that slides pays for it. Its requests note the time, and those of others ask for nothing.
"""

from tokenauth._core.clock import Clock


class LastUse:
    """When a token was sent last, in this process.

    It counts from before the request is sent, so that the server's own time ends later. Both clocks are noted, since
    monotonic time may stand still while a machine is suspended.
    """

    __slots__ = ("_idle", "_monotonic", "_wall")

    def __init__(self, idle: float, monotonic: float, wall: float) -> None:
        """*idle*: seconds without a use after which the token is no good any more."""
        self._idle, self._monotonic, self._wall = idle, monotonic, wall

    def note(self, clock: Clock) -> None:
        self._monotonic, self._wall = clock.monotonic(), clock.wall()

    def is_too_old(self, clock: Clock) -> bool:
        return clock.monotonic() - self._monotonic >= self._idle or clock.wall() - self._wall >= self._idle
