"""Sessions beside `.ci/run`, for one thing at a time: `uvx nox -s tests-3.12`, `uvx nox -l`."""

from pathlib import Path

import nox

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["lint", "types", "tests"]

PYTHONS = ["3.11", "3.12", "3.13"]
NIQUESTS = ["tests/niquests", "tests/behaviour", "tests/security"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, on each Python."""
    _sync(session)
    session.run("pytest", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Branch coverage, of niquests, other libraries and the processes that the tests start, too: 100 % must hold."""
    _sync(session)
    measured = ("coverage", "run", "-m", "pytest", "-m", "")  # from before our own plugin is loaded
    session.run(*measured, *session.posargs)
    for group, tests in (("niquests", NIQUESTS), ("world", ["tests/world"])):
        environment = {"UV_PROJECT_ENVIRONMENT": str(Path(session.create_tmp(), group).resolve())}
        session.run("uv", "run", "--quiet", f"--group={group}", *measured, *tests, external=True, env=environment)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--skip-covered", "--show-missing", "--fail-under=100")


@nox.session
def shuffled(session: nox.Session) -> None:
    """The whole suite 20 times, each in another random order; ends at the first failure."""
    _sync(session)
    for _ in range(20):
        session.run("pytest", "-m", "", "-q", "--maxfail=1", *session.posargs)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """The tests, with the lowest version of each dependency that pyproject.toml allows."""
    session.install("--resolution", "lowest-direct", "--group", "test", "-e", ".[cli,httpx2,sandbox]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and which module may import which."""
    _sync(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """mypy on everything, pyright on the package."""
    _sync(session)
    session.run("mypy")
    session.run("pyright")


@nox.session(python=PYTHONS)
def wheel(session: nox.Session) -> None:
    """The tests against the built wheel, in a folder without the source tree."""
    _install_wheel(session, "test")
    session.run("python", "-m", "pytest", "-m", "not slow", *session.posargs)


@nox.session
def niquests(session: nox.Session) -> None:
    """niquests, in an environment of its own: its urllib3-future replaces urllib3."""
    _install_wheel(session, "niquests")
    session.run("python", "-m", "pytest", *NIQUESTS, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The code in README and docs, and the site: site/index.html."""
    _sync(session)
    session.run("pytest", "tests/docs", *session.posargs)
    session.run("bash", ".ci/site", external=True)


def _sync(session: nox.Session) -> None:
    """Install the project and its default group into the session's environment."""
    session.run_install(
        "uv",
        "sync",
        "--quiet",
        f"--python={session.virtualenv.location}",
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
    )


def _install_wheel(session: nox.Session, group: str) -> None:
    """Install the wheel and *group*, and go to a folder with the tests and nothing of the package."""
    home = Path(session.create_tmp()).resolve()
    session.run("uv", "build", "--quiet", "--wheel", "--out-dir", str(home / "dist"), external=True)
    built = max((home / "dist").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    needs = f"tokenauth-http[cli,httpx2,sandbox] @ {built.as_uri()}"
    session.install("--no-sources", "--group", f"{Path('pyproject.toml').resolve()}:{group}", needs)
    for name in ("tests", "docs", "LICENSE", "mkdocs.yml", "pyproject.toml", *map(str, Path().glob("*.md"))):
        session.run("cp", "-r", name, str(home), external=True)
    session.chdir(home)
