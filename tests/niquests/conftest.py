"""Collected only where niquests is installed, which must be an environment of its own: it replaces urllib3."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("niquests") else ["test_*.py"]
