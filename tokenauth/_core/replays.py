"""Whether a response comes out of a cache of the client's: each kind of cache says so in its own way."""

from typing import Any

_EXTENSIONS = ("hishel_from_cache", "from_cache")


def replayed(response: Any) -> bool:
    """Whether *response* was answered by a cache, without asking the server. Of httpx's clients or of requests'."""
    if getattr(response, "from_cache", None) is True:  # requests-cache, CacheControl
        return True
    told = getattr(response, "extensions", None)
    if isinstance(told, dict):
        caching = told.get("caching")
        inside = isinstance(caching, dict) and caching.get("from_cache") is True
        return inside or any(told.get(name) is True for name in _EXTENSIONS)
    return str(response.headers.get("X-Hishel-From-Cache", "")).lower() == "true"
