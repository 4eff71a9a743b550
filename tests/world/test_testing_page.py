"""The tests on the page about testing pass, each with the library that it is about."""

from pathlib import Path

import pytest

from tests.docs import testing_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_every_test_on_the_page_passes(tmp_path: Path) -> None:
    code, said, left_out = testing_page.run(tmp_path)
    assert code == 0, said
    assert left_out == 0
