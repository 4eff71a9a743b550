"""Header names as arguments: which names may be used, and which belong to the message or the user."""

from tokenauth._core.token import HTTP_TOKEN, exact

_FRAMING = frozenset({"connection", "content-length", "host", "transfer-encoding"})


def checked_header_name(name: str, value: object) -> str:
    """Return *value*, the argument *name*, where it is an HTTP field name."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if not HTTP_TOKEN.fullmatch(value):
        raise ValueError(f"{name} must be an HTTP field name, such as X-Token")
    return exact(value)  # type: ignore[no-any-return]


def checked_sent_name(name: str, value: object) -> str:
    """Return *value*, the argument *name*, where it is the name of a header that we may put on the user's requests.

    ValueError for what is the message's own (RFC 9110 §7.2, RFC 9112 §6), and for `Cookie`, which is the user's.
    """
    header = checked_header_name(name, value)
    if header.lower() == "cookie":
        why = "that would replace the user's own cookies; for a token in a cookie use cookie= of Login"
        raise ValueError(f"{name} must not be {header}: {why}")
    if header.lower() in _FRAMING:
        raise ValueError(f"{name} must not be {header}: that says where the message goes or ends")
    return header
