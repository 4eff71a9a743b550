"""Servers for the tests of the test tools."""

from tests.behaviour.conftest import server  # noqa: F401
