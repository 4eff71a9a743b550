"""Request headers for httpx and httpx2 of which some are sent, and never copied to another request.

These clients build a redirected request by `Headers(request.headers)`, take `Authorization` off where it goes to
another origin, and send everything else on; out of reach of the auth flow, and on any transport. What is sealed here
is read by everybody who reads (a transport, a hook, the user), but is not in the list that such a copy is made from.
"""

import functools
from collections.abc import Iterator, Mapping
from typing import Any


def sealed(headers: Any, ours: Mapping[str, str]) -> Any:
    """Return *headers*, of httpx or httpx2, with *ours* in the place of any of their names, and not to be copied."""
    return _kind(next(each for each in type(headers).__mro__ if each.__name__ == "Headers"))(headers, ours)


def still_sealed(headers: Any) -> Mapping[str, str]:
    """Return what is sealed in *headers*; what the user has changed or taken off since is not."""
    return headers._ours if isinstance(headers, _Sealed) else {}


@functools.cache
def _kind(base: Any) -> Any:
    return type("SealedHeaders", (_Sealed, base), {"_base": base})


class _Sealed:
    """Stands before `Headers` in the bases. `_list`, from which `Headers` copies, is without ours."""

    _base: Any
    _ours: Mapping[str, str] = {}

    def __init__(self, headers: Any, ours: Mapping[str, str]) -> None:
        self._base.__init__(self, headers)
        for name in ours:
            self._base.pop(self, name, None)
        self._ours = dict(ours)

    def _whole(self) -> Any:
        whole = self._base(self)
        whole.update(self._ours)
        return whole

    def _unseal(self, name: str) -> bool:
        before = self._ours
        self._ours = {each: value for each, value in before.items() if each.lower() != name.lower()}
        return len(self._ours) < len(before)

    @property
    def raw(self) -> Any:
        return self._whole().raw

    def keys(self) -> Any:
        return self._whole().keys()

    def values(self) -> Any:
        return self._whole().values()

    def items(self) -> Any:
        return self._whole().items()

    def multi_items(self) -> Any:
        return self._whole().multi_items()

    def get_list(self, key: str, split_commas: bool = False) -> Any:
        return self._whole().get_list(key, split_commas)

    def copy(self) -> Any:
        """Return the same, sealed as well: a hook may put it in this one's place."""
        return type(self)(self, self._ours)

    def __getitem__(self, key: str) -> Any:
        return self._whole()[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._unseal(key)
        self._base.__setitem__(self, key, value)

    def __delitem__(self, key: str) -> None:
        if not self._unseal(key):
            self._base.__delitem__(self, key)

    def __contains__(self, key: object) -> bool:
        return key in self._whole()

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __eq__(self, other: object) -> bool:
        return bool(self._whole() == (other._whole() if isinstance(other, _Sealed) else other))

    __hash__ = None  # type: ignore[assignment]  # as Headers

    def __repr__(self) -> str:
        whole = self._whole()
        whole.update(dict.fromkeys(self._ours, "[secure]"))  # as httpx shows Authorization
        return repr(whole)

    def __reduce__(self) -> tuple[Any, ...]:
        return self._base, (self.multi_items(),)
