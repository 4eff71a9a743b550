"""Reading a token from a file."""

import os
import stat

from tokenauth._core import errors
from tokenauth._core.errands import ReadFile
from tokenauth._io.answer_body import LIMIT
from tokenauth.providers.file import version_of


def content(errand: ReadFile) -> tuple[bytes, str]:
    """Return the content of the file, and its version."""
    try:
        descriptor = os.open(errand.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                problem = "is no regular file"
            else:
                body = file.read(LIMIT + 1)
                if len(body) <= LIMIT:
                    return body, version_of(status)
                problem = "is larger than 1 MiB. Is it the file with the token?"
    except FileNotFoundError:
        problem = "is not there. Is the path right, and has the program that writes it started?"
    except OSError as error:
        problem = f"can't be read: {error.strerror or type(error).__name__}"
    raise errors.TokenEndpointError(f"{errand.what} {problem}")
