"""The documents' own examples work against the sandbox as they stand, host and placeholders apart."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from json import loads
from shlex import split
from shutil import which
from urllib.parse import urlencode

import pytest

from tokenauth.sandbox import ThreadSandbox
from tokenauth.sandbox.credentials import (
    MANIS_MERCHANT_ID,
    MANIS_SECRET,
    PLATFORM_PASSWORD,
    PLATFORM_USERNAME,
)

MANIS_PYTHON = """\
import requests

url = "https://https/api/v1/auth/token"

headers = {
    "x-merchant-id": "{{merchantId}}",
    "x-secret": "{{merchantSecret}}"
}

response = requests.post(url, headers=headers)

print(response.json())
"""

PLATFORM_CURL = r"""
curl --location --request GET 'https://sandbox.sample/Token' \
--header 'Content-Type: application/json' \
--data-urlencode 'grant_type=password' \
--data-urlencode 'username=username' \
--data-urlencode 'password=password'
"""


def test_the_python_of_manis(sandbox: ThreadSandbox) -> None:
    program = (
        MANIS_PYTHON.replace("https://https", sandbox.url)
        .replace("{{merchantId}}", MANIS_MERCHANT_ID)
        .replace("{{merchantSecret}}", MANIS_SECRET)
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert ran.stdout.startswith("{'tokenType': 'Bearer', 'token': ")
    assert sandbox.state()["manis"]["logins"] == 1


@pytest.mark.skipif(which("curl") is None, reason="curl is not on PATH; the test below sends the same bytes")
def test_the_curl_of_the_platform(sandbox: ThreadSandbox) -> None:
    command = (
        PLATFORM_CURL.replace("https://sandbox.sample", sandbox.url)
        .replace("username=username", f"username={PLATFORM_USERNAME}")
        .replace("password=password", f"password={PLATFORM_PASSWORD}")
    )
    words = split(command.replace("\\\n", " "))
    ran = subprocess.run([*words, "--silent", "--noproxy", "*"], capture_output=True, timeout=30, check=True)
    assert loads(ran.stdout)["token_type"] == "bearer"
    assert sandbox.state()["platform"]["logins"] == 1


def test_what_that_curl_sends(sandbox: ThreadSandbox) -> None:
    body = urlencode({"grant_type": "password", "username": PLATFORM_USERNAME, "password": PLATFORM_PASSWORD})
    with closing(HTTPConnection("127.0.0.1", sandbox.port, timeout=60)) as connection:
        connection.request("GET", "/Token", body, {"Content-Type": "application/json", "Accept": "*/*"})
        content = loads(connection.getresponse().read())
    assert content["token_type"] == "bearer"
    assert content[".expires"] == "Sun, 27 Sep 2020 12:26:40 GMT"
