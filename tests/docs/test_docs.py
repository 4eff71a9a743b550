"""The Python in README.md and docs/ runs as it stands, in order, page by page; invented hosts lead to the sandbox.

What a block prints is what the block "Output" after it shows; "…" there stands for anything.
A block after a line `<!-- no-run -->` is compiled only. One after `<!-- world -->` needs a library of group `world`;
it is compiled here, and tests/world/test_pages.py runs its page.
"""

import code
import importlib
import inspect
import logging
import os
import re
import runpy
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any
from urllib.parse import unquote

import pytest

from tokenauth import (
    AtripAuth,
    ClientCredentialsAuth,
    JWTBearerAuth,
    ManisAuth,
    Options,
    PasswordGrantAuth,
    TokenExchangeAuth,
)
from tokenauth.providers import Login, LoginOptions
from tokenauth.providers._grant import GrantOptions
from tokenauth.providers.password import PasswordOptions
from tokenauth.sandbox import ThreadSandbox, credentials, serve_in_thread

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>no-run|world) -->\n *)?```python\n(?P<code>.*?)^ *```$"
    r'(?:\n+```text title="Output"\n(?P<output>.*?)^```$)?',
    re.MULTILINE | re.DOTALL,
)
FENCES = r'python|text title="Output"|console|dockerfile|ini|json|sql|text|toml|xml|yaml'
ODD_FENCE = re.compile(rf"^```(?!(?:{FENCES})?$).*", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(#[^)\s]*)?\)")

HOSTS = {
    "https://manis.example.com/v1/": "{url}/manis/api/",
    "https://manis.example.com": "{url}",
    "https://platform.example.com/v1/": "{url}/platform/api/",
    "https://platform.example.com": "{url}",
    "https://auth.example.com": "{url}",
    "https://api.example.com/v1/": "{url}/oauth/api/",
    "https://api.example.com": "{url}",
    "https://sandbox.atriptech.com": "{url}",
    "http://127.0.0.1:8765": "{url}",
    "https://portal.example.com/": "{portal}/portal/api/",
}
SETTINGS = {
    "MANIS_MERCHANT_ID": credentials.MANIS_MERCHANT_ID,
    "MANIS_SECRET": credentials.MANIS_SECRET,
    "ATRIP_CLIENT_ID": credentials.ATRIP_CLIENT_ID,
    "ATRIP_CLIENT_SECRET": credentials.ATRIP_CLIENT_SECRET,
    "PLATFORM_USER": credentials.PLATFORM_USERNAME,
    "PLATFORM_PASSWORD": credentials.PLATFORM_PASSWORD,
    "CLIENT_ID": credentials.OAUTH_CLIENT_ID,
    "CLIENT_SECRET": credentials.OAUTH_CLIENT_SECRET,
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ThreadSandbox]:
    with serve_in_thread() as running:
        yield running


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Undo what a page does to the environment."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Undo what a page does to logging."""
    loggers = [logging.getLogger(name) for name in ("", "tokenauth", "httpx", "urllib3")]
    before = [(logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


def blocks(page: Path, *, world: bool = False) -> Iterator[tuple[str, bool, str | None]]:
    """Yield each block of Python, placed on its own lines of the page, whether it is to be run, and what it prints."""
    marks = {None, "world"} if world else {None}
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        lines_above = "\n" * text.count("\n", 0, found.start("code"))
        yield lines_above + textwrap.dedent(found["code"]), found["mark"] in marks, found["output"]


def play(
    page: Path, places: Mapping[str, str], capsys: pytest.CaptureFixture[str], *, world: bool = False
) -> dict[str, Any]:
    """Run the blocks of *page*, with the hosts that are keys of *places* led elsewhere; return the names they made."""
    namespace: dict[str, Any] = {"__name__": "docs"}
    for block, runs, output in blocks(page, world=world):
        source, expected = block, output
        for host, place in places.items():
            source, expected = source.replace(host, place), expected and expected.replace(host, place)
        code = compile(source, str(page), "exec")
        capsys.readouterr()
        if runs:
            exec(code, namespace)
        if runs and expected is not None:
            printed = capsys.readouterr().out
            expected = expected.replace("next is in 60 s", "next is in … s")  # fewer on a busy machine
            assert re.fullmatch(".*".join(map(re.escape, expected.split("…"))), printed), (
                f"{block.strip()}\n\n{printed}"
            )
    return namespace


def places_in(sandbox: ThreadSandbox) -> dict[str, str]:
    """Return where in *sandbox* the hosts of the pages lead."""
    return {host: place.format(url=sandbox.url, portal=sandbox.portal_url) for host, place in HOSTS.items()}


class Prompt(code.InteractiveConsole):
    """Python's prompt, which reads lines as they are pasted; it runs nothing, and keeps its complaints."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []

    def runcode(self, code: CodeType) -> None: ...

    def showsyntaxerror(self, *args: object, **kwargs: object) -> None:
        self.complaints.append("\n".join(self.buffer))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_code_on_a_page_runs(
    page: Path, sandbox: ThreadSandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.reset()
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    play(page, places_in(sandbox), capsys)


def test_the_tutorial_can_be_pasted_into_python() -> None:
    """Before 3.13, python's prompt wants an empty line after an indented block."""
    for block, _, _ in blocks(ROOT / "docs" / "tutorial.md"):
        console = Prompt()
        for line in [*block.strip().splitlines(), ""]:
            console.push(line)
        assert console.complaints == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_within_the_project_lead_somewhere(page: Path) -> None:
    targets = [unquote(target) for target, _ in LINK.findall(page.read_text(encoding="utf-8")) if target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("reference/options.md", Options.__annotations__),
        ("apis/manis.md", inspect.signature(ManisAuth).parameters),
        ("apis/atrip.md", inspect.signature(AtripAuth).parameters),
        ("apis/platform.md", [*inspect.signature(PasswordGrantAuth).parameters, *PasswordOptions.__annotations__]),
        ("apis/oauth.md", [*inspect.signature(ClientCredentialsAuth).parameters, *GrantOptions.__annotations__]),
        ("apis/jwt-bearer.md", inspect.signature(JWTBearerAuth).parameters),
        ("apis/token-exchange.md", inspect.signature(TokenExchangeAuth).parameters),
        ("reference/login.md", [*inspect.signature(Login).parameters, *LoginOptions.__annotations__]),
    ],
)
def test_a_page_names_every_argument(page: str, names: Iterable[str]) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    own = set(names) - {"options", *(() if page == "reference/options.md" else Options.__annotations__)}
    assert sorted(name for name in own if f"`{name}`" not in text) == []


@pytest.mark.parametrize("module", ["tokenauth", "tokenauth.stores", "tokenauth.testing"])
def test_every_public_name_is_in_the_reference(module: str) -> None:
    """A new name needs a line like `::: tokenauth.NewAuth` in docs/reference/api.md."""
    pages = "".join(
        (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
        for name in ("api.md", "errors.md", "options.md")
    )
    names = set(importlib.import_module(module).__all__) - {"__version__"}
    assert sorted(name for name in names if not re.search(rf"\b{name}\b", pages)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_site_understands_every_fence(page: Path) -> None:
    """A fence with a word that it doesn't know takes the rest of the page for code."""
    assert ODD_FENCE.findall(page.read_text(encoding="utf-8")) == []


def test_every_page_is_in_the_menu() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in PAGES[1:]]
    assert [page for page in pages if f": {page}\n" not in menu] == []


def test_the_pictures_are_what_their_script_draws() -> None:
    """After a change: python docs/images/draw.py."""
    drawn: Iterable[tuple[Path, str]] = runpy.run_path(str(ROOT / "docs" / "images" / "draw.py"))["drawn"]()
    assert [path.name for path, text in drawn if path.read_text(encoding="utf-8") != text] == []
