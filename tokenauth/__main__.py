"""``python -m tokenauth``: the same as the command ``tokenauth``."""

from __future__ import annotations

from tokenauth.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
