"""What an import and an auth object cost: `python -m tests.benchmarks.imports`.

Each import runs in fresh interpreters, in turn with the others; the least counts. "alone" counts the
client, too; "on top" only what comes on top of it. httpx-auth and singleflight-auth stand beside if they are installed.
"""

import os
import subprocess
import sys

ROUNDS = 9

IMPORTS = {
    "tokenauth.httpx": ("import httpx", "from tokenauth.httpx import ManisAuth"),
    "tokenauth.requests": ("import requests", "from tokenauth.requests import ManisAuth"),
    "tokenauth": ("import requests, httpx, httpx2", "from tokenauth import ManisAuth"),
    "singleflight-auth": ("import httpx", "from singleflight_auth import SingleFlightAuth"),
    "httpx-auth": ("import httpx", "import httpx_auth"),
}
OBJECTS = {
    "tokenauth": (
        "from tokenauth import ManisAuth",
        "ManisAuth('https://api.example', merchant_id='m-%d' % n, secret='s3cret-of-m')",
    ),
    "httpx-auth": (
        "from httpx_auth import OAuth2ClientCredentials",
        "OAuth2ClientCredentials('https://api.example/token', 'c-%d' % n, 'secret')",
    ),
    "singleflight-auth": (
        "from singleflight_auth import SingleFlightAuth",
        "SingleFlightAuth(get_token=str, refresh=str)",
    ),
}

_IMPORT = """
import time
{before}
start = time.perf_counter()
{statement}
print(1e3 * (time.perf_counter() - start))
"""
_OBJECT = """
import time, tracemalloc
{statement}
kept = [{make} for n in range(100)]
best = 1e9
for _ in range(30):
    start = time.perf_counter()
    for n in range(100):
        {make}
    best = min(best, (time.perf_counter() - start) / 100)
tracemalloc.start()
kept = [{make} for n in range(200)]
print(1e6 * best, tracemalloc.get_traced_memory()[0] / 200 / 1e3)
"""


def answer(code: str) -> list[float] | None:
    """Return the numbers that *code* prints in a fresh interpreter, None where it can't run."""
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
    return [float(number) for number in done.stdout.split()] if done.returncode == 0 else None


def least(answers: list[list[float] | None]) -> list[float] | None:
    """Return the least of each number."""
    there = [each for each in answers if each]
    return [min(numbers) for numbers in zip(*there, strict=True)] if there else None


def shown(name: str, numbers: list[float] | None, form: str) -> str:
    return f"{name:20} {form.format(*numbers) if numbers else 'not installed'}"


def main() -> None:
    """Print both tables."""
    imports: dict[str, list[list[float] | None]] = {name: [] for name in IMPORTS}
    for _ in range(ROUNDS):
        for name, (client, statement) in IMPORTS.items():
            alone = answer(_IMPORT.format(before="", statement=f"{client}; {statement}"))
            on_top = answer(_IMPORT.format(before=client, statement=statement))
            imports[name].append(alone + on_top if alone and on_top else None)
    print("import, ms")
    for name in IMPORTS:
        print(shown(name, least(imports[name]), "{:6.0f} alone {:6.1f} on top"))
    print("one auth object")
    for name, (statement, make) in OBJECTS.items():
        code = _OBJECT.format(statement=statement, make=make)
        print(shown(name, least([answer(code) for _ in range(3)]), "{:6.1f} µs {:6.1f} kB"))


if __name__ == "__main__":
    main()
