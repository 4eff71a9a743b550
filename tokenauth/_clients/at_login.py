"""Modules that only the first request needs. They are loaded then, so that programs start fast."""

from typing import TYPE_CHECKING

from tokenauth._lazy import Later

if TYPE_CHECKING:
    from tokenauth._clients import ended, guard, httpx_story, requests_story, steps
    from tokenauth._core import cache, memory, source
    from tokenauth._core import flow as flows
    from tokenauth._io import drive, transports
else:
    ended, guard, httpx_story, requests_story, steps = (
        Later(f"tokenauth._clients.{each}") for each in ("ended", "guard", "httpx_story", "requests_story", "steps")
    )
    cache, flows, memory, source = (Later(f"tokenauth._core.{each}") for each in ("cache", "flow", "memory", "source"))
    drive, transports = map(Later, ("tokenauth._io.drive", "tokenauth._io.transports"))

__all__ = [
    "cache",
    "drive",
    "ended",
    "flows",
    "guard",
    "httpx_story",
    "memory",
    "requests_story",
    "source",
    "steps",
    "transports",
]
