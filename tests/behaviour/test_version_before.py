"""What the version before has left behind: pickles are refused with a clear text, and store entries cost one login."""

import base64
import pickle
import time
import unittest
import warnings

import pytest

from tests.stores import DictStore, put, shelf_name, worker
from tests.support import token_server
from tokenauth import ManisAuth

PICKLE = base64.b64decode(
    "gASVfwUAAAAAAACMDnRva2VuYXV0aC5hdXRolIwJTWFuaXNBdXRolJOUKYGUfZQojAlfcHJvdmlkZXKUjBl0b2tlbmF1dGgucHJv"
    "dmlkZXJzLm1hbmlzlIwFTWFuaXOUk5QpgZR9lCiMCXRva2VuX3VybJSMJWh0dHBzOi8vYXBpLmV4YW1wbGUvYXBpL3YxL2F1dGgv"
    "dG9rZW6UjARuYW1llIwSTWFuaXMgbWVyY2hhbnQgbS0xlIwHX21ldGhvZJSMBFBPU1SUjAhfaGVhZGVyc5SMHnRva2VuYXV0aC5w"
    "cm92aWRlcnMuX2FyZ3VtZW50c5SMCFRlbXBsYXRllJOUKYGUfZQojAdfcHVibGljlCiMCmdyYW50X3R5cGWUjAp1c2VyLWFnZW50"
    "lIwPYWNjZXB0LWxhbmd1YWdllIwNeC1tZXJjaGFudC1pZJSMD2FjY2VwdC1lbmNvZGluZ5SMDGNvbnRlbnQtdHlwZZSMBmFjY2Vw"
    "dJSMBXNjb3BllIwNcmVzcG9uc2VfdHlwZZSMCGF1ZGllbmNllIwIcmVzb3VyY2WUjAljbGllbnRfaWSUkZSMB19oZWFkZXKUiIwG"
    "X3RleHRzlIiMBV90cmVllH2UKIwGQWNjZXB0lIwQYXBwbGljYXRpb24vanNvbpSMDXgtbWVyY2hhbnQtaWSUjANtLTGUjAh4LXNl"
    "Y3JldJSMEnRva2VuYXV0aC5fc2VjcmV0c5SMCF9yZWJ1aWx0lJOUjAZzZWNyZXSUjAZzM2NyZXSUiIeUUpR1dWKMBV9mb3JtlE6M"
    "BV9qc29ulE6MBV9rZXB0lGgUKYGUfZQoaBcojApncmFudF90eXBllIwKdXNlci1hZ2VudJSMD2FjY2VwdC1sYW5ndWFnZZSMDXgt"
    "bWVyY2hhbnQtaWSUjA9hY2NlcHQtZW5jb2RpbmeUjAxjb250ZW50LXR5cGWUjAZhY2NlcHSUjAVzY29wZZSMDXJlc3BvbnNlX3R5"
    "cGWUjAhhdWRpZW5jZZSMCHJlc291cmNllIwJY2xpZW50X2lklJGUaCWIaCaIaCd9lHVijAZfYmFzaWOUTowGX3doZXJllH2UKIwF"
    "dG9rZW6UaEuFlIwKdG9rZW5fdHlwZZSMCXRva2VuVHlwZZSFlIwKcmVmcmVzaF9pbpRoUIWUjAlpc3N1ZWRfYXSUTowKZXhwaXJl"
    "c19pbpROjApleHBpcmVzX2F0lIwJZXhwaXJlc0F0lIWUjAplcnJvcl9jb2RllIwHc29hQ29kZZSMBHR5cGWUhpSMCmVycm9yX3Rl"
    "eHSUjAZkZXRhaWyUjAV0aXRsZZSMB21lc3NhZ2WUh5R1jAVfdW5pdJROjAhfc3VjY2Vzc5ROjA1fZXJyb3JfZmllbGRzlChoWGhZ"
    "jAZzdGF0dXOUaF2MCXRpbWVzdGFtcJR0lIwJX3JlamVjdGVklCmMCl9yZXRyeWFibGWUKYwNX3ByZXNlbnRhdGlvbpSMIXRva2Vu"
    "YXV0aC5wcm92aWRlcnMuX3ByZXNlbnRhdGlvbpSMDFByZXNlbnRhdGlvbpSTlCmBlH2UKIwGaGVhZGVylE6MBnNjaGVtZZROjAVw"
    "YXJhbZROjAZjb29raWWUTnVijAhwcmVzZW50c5SJjAdfYWR2aWNllIxEQ2hlY2sgbWVyY2hhbnRfaWQgYW5kIHNlY3JldCwgYW5k"
    "IHRoYXQgdGhleSBiZWxvbmcgdG8gdGhpcyBiYXNlX3VybC6UjAdzZWNyZXRzlGg0hZSMCF9maW5kaW5nlH2UKGhLaExoTWhPaFBo"
    "UWhSTmhTTmhUaFZoV2haaFtoX4wHc3VjY2Vzc5ROdYwNcHJvY2Vzc19ib3VuZJSMAJR1YowIX29wdGlvbnOUfZR1Yi4="
)
"""`ManisAuth("https://api.example", merchant_id="m-1", secret="s3cret")`, as commit 778b0fb pickled it."""

NAME = "9721ea5591394f7b9666bf290a6ae296eaf78135eb7ee64717ebf7aafadc5bcc"
ENTRY = base64.b64decode(
    "dG9rZW5hdXRoOjEK3BaA0WxTYz20ezKeaNIoCwgRbxypT4AiDqMcGaKA5D8WFqy2Wa1zWvJMu5vgRIlo8JnXo7Tvn+a5iRU4eTCN"
    "RjQDAc8TfNwqWnW2hjjE51a71iXHAonrkmtoLjBsWd1sYOGqHvUXrOtXwIrOMeV2bcykN4KyFe7wCUK/R93EKqkStFoa97jl5PEr"
    "pilFNarOx7ol4mNp0MSneHgSZ8ukH2vbR3uVSajHQw5lFArdPzea/xUHQG4nbtmFHwRGach8gFP87Lhp5A6ouvcIrS9A0Xd/M5/K"
    "RqZzTzpngxFNprMyqcRClJXb6lADFxAPQNfa1j/ZpuUsdN1e/DduqbXllYcCgBbZFoA="
)
"""The store entry of the same object, from the same commit."""


def test_a_pickle_of_the_version_before_is_refused_with_what_to_do() -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"older version of tokenauth.*Make the object again") as caught:
        pickle.loads(PICKLE)
    assert "s3cret" not in str(caught.value)


def test_who_asks_every_module_for_its_warnings_is_not_disturbed() -> None:
    """As unittest's assertWarns does, once the module that such pickles name has been imported."""
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(PICKLE)
    with unittest.TestCase().assertWarns(UserWarning):
        warnings.warn("ours", stacklevel=1)


def test_a_store_of_the_version_before_costs_one_login() -> None:
    store = DictStore()
    auth = ManisAuth("https://api.example", merchant_id="m-1", secret="s3cret", store=store)
    assert shelf_name(auth) != NAME  # so that it is not even found
    with token_server() as server:
        one, other = worker(server, store), worker(server, store)
        put(store, NAME, ENTRY)
        put(store, shelf_name(one), ENTRY)  # and were it found, it could not be opened
        assert one.get_token().value == other.get_token().value != "of-before"
        assert server.logins == 1
    assert store.entries[NAME][1] > time.monotonic()  # nobody touched it


def test_a_request_pickled_by_the_version_before_keeps_its_headers_at_home() -> None:
    guard = pickle.loads(b"ctokenauth.requests\n_Guard\n((VX-Token\nt(Vhttps://api.example\nttR.")
    assert (guard.names, guard.homes) == (("X-Token",), ("https://api.example",))
