"""Modules that only the first request needs. They are loaded then, so that programs start fast."""

from typing import TYPE_CHECKING

from tokenauth._lazy import Later

if TYPE_CHECKING:
    from tokenauth._clients import httpx_story, requests_story, steps
    from tokenauth._core import flow as flows
    from tokenauth._core import memory, source
    from tokenauth._io import drive, transports
else:
    httpx_story, requests_story, steps = (
        Later(f"tokenauth._clients.{each}") for each in ("httpx_story", "requests_story", "steps")
    )
    flows, memory, source = map(Later, ("tokenauth._core.flow", "tokenauth._core.memory", "tokenauth._core.source"))
    drive, transports = map(Later, ("tokenauth._io.drive", "tokenauth._io.transports"))

__all__ = ["drive", "flows", "httpx_story", "memory", "requests_story", "source", "steps", "transports"]
