"""Profiles: auth objects by name, from one TOML file in the platform's configuration folder.

    [manis-prod]
    class = "manis"
    base_url = "https://api.example.com"
    merchant_id = "m-1"
    secret = {env = "MANIS_SECRET"}

    session.auth = tokenauth.profile("manis-prod")

Law: the file may contain a secret only if no other user can read the file.
"""

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tokenauth
from tokenauth._clients import family
from tokenauth._config.parameters import Parameter, missing, nearest, parameters_of
from tokenauth._config.tables import arguments as arguments_in
from tokenauth._config.tables import blamed, made, plain
from tokenauth._core.secrets import checked_text, hides_locals
from tokenauth._lazy import installed

__all__ = ["auth_class", "class_names", "made_for_a_command", "names", "path", "profile"]

VARIABLE = "TOKENAUTH_CONFIG"
FILE = "profiles.toml"
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def path() -> Path:
    """Return the path of the profiles file: `TOKENAUTH_CONFIG`, else "profiles.toml" in the configuration folder.

    That folder is ~/.config/tokenauth on Linux, ~/Library/Application Support/tokenauth on macOS and
    %LOCALAPPDATA%\\tokenauth on Windows.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(os.path.expanduser(named))
    with installed("profiles", f"Finding {FILE}"):
        import platformdirs  # noqa: PLC0415  (an extra)
    return Path(platformdirs.user_config_path("tokenauth", appauthor=False), FILE)


@hides_locals
def profile(name: str, **arguments: Any) -> "tokenauth.TokenAuth":
    """Return the auth object that the profile *name* describes, for any client.

    Args:
        name: name of a table in the profiles file; see `path`.
        arguments: arguments of its class; they override the profile.

    Raises:
        TypeError, ValueError: no such profile, an unknown key, an invalid value, or a secret in a file that others can
            read. The message says what to write instead, and never shows a value.
    """
    return made(*described(name, arguments))  # type: ignore[no-any-return]


def names() -> list[str]:
    """Return the names of all profiles, in order."""
    return sorted(_tables()[0])


def described(name: str, arguments: Mapping[str, Any]) -> tuple[Any, dict[str, Any], str]:
    """Return the class of the profile *name*, its arguments with *arguments* over them, and its name for errors."""
    kind, table, label, private = _found(name)
    given = arguments_in(kind, {each: value for each, value in table.items() if each not in arguments}, label)
    given |= arguments
    if not private:
        literal = next(_literal_secrets(kind, table, given, label, arguments), None)
        if literal is not None:
            text = f"{label} has a secret ({literal}), which others may read: chmod 600 {path()}"
            raise ValueError(
                f'{text}, or write where it is: {{env = "NAME"}}, {{file = "/path"}}, or name it in public'
            )
    return kind, given, label


def class_of(name: str) -> Any:
    """Return the class of the profile *name*."""
    return _found(name)[0]


def _found(name: str) -> tuple[Any, dict[str, Any], str, bool]:
    """Return class, table and name for errors of the profile *name*, and whether nobody else may read the file."""
    name = checked_text("the name of a profile", name)
    tables, private = _tables()
    label = f"the profile {name} in {path()}"
    if name not in tables:
        raise ValueError(f"{path()} has no profile {name!r}{nearest(name, tables)}")
    table = dict(tables[name])
    if "class" not in table:
        near = get_close_matches("class", table, n=1)
        how = f"class in place of {near[0]!r}" if near else 'class = "manis", for example'
        raise ValueError(f"{label} has no class: write {how}. There are: {', '.join(class_names())}")
    return blamed(label, auth_class, table.pop("class")), table, label, private


def auth_class(name: object) -> Any:
    """Return the class for a *name* such as "manis", "client-credentials" or "ManisAuth"."""
    from tokenauth import auth  # noqa: PLC0415  (it imports the clients)

    return getattr(auth, full_name(name))


def full_name(name: object) -> str:
    """Return the name of the class for a *name* such as "manis"."""
    known = {plain(each.removesuffix("Auth")): each for each in family.__all__}
    wanted = plain(name).removesuffix("auth") if isinstance(name, str) else ""
    if wanted not in known:
        raise ValueError(f"there is no class {name!r}{nearest(str(name), class_names())}")
    return known[wanted]


def class_names() -> list[str]:
    """Return the names of the classes that a profile may have, such as "manis"."""
    from tokenauth._config.env import words  # noqa: PLC0415  (for errors and help)

    return sorted(words(each) for each in family.__all__)


def signatures() -> dict[str, dict[str, Parameter]]:
    """Return what each class of the family takes, by its name; no client is imported."""
    return {name: parameters_of(family.provider_of(name)) for name in family.__all__}


def made_for_a_command(kind: Any, given: Mapping[str, Any], label: str) -> "tokenauth.TokenAuth":
    """Return the same for a process that makes few requests: with a `FileStore`, so that the next needs no login.

    Without one where *given* has a store, the extra `file` is not installed, or the class can't share its tokens.
    A refresh token that may be used once needs a store, or `on_refresh_token`: the next one would be lost.
    """
    problem: Exception | None = None
    if "store" not in given:
        try:
            from tokenauth.stores import FileStore  # noqa: PLC0415  (an extra)

            return kind(**given, store=FileStore())  # type: ignore[no-any-return]
        except (ImportError, TypeError, ValueError) as why:
            problem = why  # what is wrong with the rest is said below
    auth: tokenauth.TokenAuth = made(kind, given, label)
    if problem is not None and auth._provider.brought is not None and not given.get("on_refresh_token"):
        raise ValueError(f"{label}: the next refresh token would be lost: {problem}")
    return auth


def _tables() -> tuple[dict[str, dict[str, Any]], bool]:
    """Return all profiles, and whether nobody else may read them."""
    where, problem = path(), ""
    tables: dict[str, Any] = {}
    private = False
    try:
        with where.open("rb") as file:
            mode = 0 if os.name == "nt" else os.fstat(file.fileno()).st_mode
            private = not mode & OTHERS
            if mode & stat.S_IWOTH:  # and so decide where the secrets go
                problem = f"everybody can write to {where}: chmod o-w {where}"
            tables = tomllib.loads(file.read().decode("utf-8-sig"))  # some editors write a BOM
    except FileNotFoundError:
        problem = f"there are no profiles, because there is no file {where}: write one, or name another in {VARIABLE}"
    except OSError as error:
        problem = f"{where} can't be read: {error.strerror or type(error).__name__}"
    except UnicodeDecodeError:
        problem = f"{where} is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        problem = f"{where} is not TOML: {error}"
    if problem:
        raise ValueError(problem)
    stray = [name for name, each in tables.items() if not isinstance(each, dict)]
    if stray:
        raise ValueError(f"{where}: {stray[0]} belongs to no profile: write [name] above it")
    return tables, private


def _literal_secrets(
    kind: Any, table: Mapping[str, Any], given: Mapping[str, Any], label: str, arguments: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the names of the secrets that are in *table* itself."""
    known = parameters_of(kind)
    yield from (name for name, value in table.items() if known[name].secret and isinstance(value, str))
    store = table.get("store")
    if isinstance(store, str) and "://" in store and urlsplit(store).password:
        yield "store"
    if not missing(kind, given):
        provider = made(kind, {name: each for name, each in given.items() if name != "store"}, label)._provider
        static = [secret.name for secret in provider.secrets if not secret.dynamic]
        yield from (name for name in static if name.partition("[")[0].partition(".")[0] not in arguments)
