"""What the OAuth grants share: their optional form fields."""

from collections.abc import Collection, Mapping

from tokenauth._core.secrets import checked_text
from tokenauth.providers._arguments import Value

_OURS = frozenset({"grant_type", "refresh_token", "scope"})


def given(**fields: str | None) -> dict[str, str]:
    """Return the *fields* that are not None, checked."""
    return {name: checked_text(name, value) for name, value in fields.items() if value is not None}


def checked_extra(extra: Mapping[str, Value] | None, taken: Collection[str]) -> dict[str, Value]:
    """Return the form fields in *extra*; ValueError where one of them has an argument of its own."""
    if extra is None:
        return {}
    if not isinstance(extra, Mapping):
        raise TypeError(f"extra must be a mapping, not {type(extra).__name__}")
    clash = sorted({*_OURS, *taken} & {*extra})
    if clash:
        raise ValueError(f"extra must not have {', '.join(clash)}: there are arguments for these, or they are fixed")
    return dict(extra)
