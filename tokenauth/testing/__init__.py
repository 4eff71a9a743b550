"""For the tests of code that uses tokenauth: context managers here, and the same as fixtures in a pytest plugin.

    with isolated():            nothing is remembered before or after
    with fake() as api:         every auth object has a fake token and makes no login; api.signed tells what it signed
    with clock() as time:       time.advance(3600) lets tokens expire and failures cool down
    logged_in(auth, "token")    a copy of *auth* that holds this token

The fixtures are `tokenauth_isolated`, `tokenauth_fake` and `tokenauth_clock`. With `tokenauth_isolated = true` among
pytest's settings every test is isolated.
"""

from typing import TYPE_CHECKING

from tokenauth._lazy import lazy

if TYPE_CHECKING:
    from tokenauth.testing._clock import Clock, clock
    from tokenauth.testing._fake import Fake, Signed, fake
    from tokenauth.testing._isolated import isolated
    from tokenauth.testing._logged_in import logged_in

__all__ = ["Clock", "clock", "Fake", "fake", "isolated", "logged_in", "Signed"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "._clock": ("Clock", "clock"),
        "._fake": ("Fake", "fake", "Signed"),
        "._isolated": ("isolated",),
        "._logged_in": ("logged_in",),
    },
)
