"""What is needed at the first login, and loaded then: whoever starts a program must not wait for it."""

from typing import TYPE_CHECKING

from tokenauth._lazy import Later

if TYPE_CHECKING:
    from tokenauth._core import flow as flows
    from tokenauth._io import drive, transports
else:
    flows, drive, transports = map(Later, ("tokenauth._core.flow", "tokenauth._io.drive", "tokenauth._io.transports"))

__all__ = ["drive", "flows", "transports"]
