"""The tests on the page about testing pass, as far as their libraries are here; all of them: tests/world."""

from pathlib import Path

import pytest

from tests.docs import testing_page


@pytest.mark.slow
def test_the_tests_on_the_page_pass(tmp_path: Path) -> None:
    code, said, _ = testing_page.run(tmp_path)
    assert code == 0, said
