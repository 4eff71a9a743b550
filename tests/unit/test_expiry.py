"""Every form of expiry that an answer may have, and the nonsense that must not hurt."""

import json
import logging
import math
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenauth._core.expiry import checked_unit, instant, lifetime_of

SEP_13 = 1599989733.0  # 2020-09-13 09:35:33 UTC
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("value", "unit", "seconds"),
    [
        (900, "s", 900.0),
        (900.5, "s", 900.5),
        ("900", "s", 900.0),
        (" 900.5 ", "s", 900.5),
        (0, "s", 0.0),
        ("1e3", "s", 1000.0),
        (15, "min", 900.0),
        ("15", "min", 900.0),
        (1.5, "h", 5400.0),
        ("30", "d", 2_592_000.0),
        (900_000, "ms", 900.0),
        (900_000_000, "us", 900.0),
        (2147483647, "s", 2147483647.0),
    ],
)
def test_lifetimes_are_read_in_their_unit(value: object, unit: Any, seconds: float) -> None:
    assert lifetime_of(value, unit) == seconds


NONSENSE = [
    -1,
    "-1",
    math.nan,
    math.inf,
    -math.inf,
    True,
    False,
    "",
    "soon",
    "15x",
    "P1M",
    "1m 1h",
    [],
    {},
    10**400,
    "1e400",
    "٣",
    "1_000",
]


@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize("read", [lifetime_of, instant])
def test_nonsense_is_unknown_with_one_warning_that_hides_it(
    read: Any, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(value, field="expiresAt") is None
    assert [(record.name, record.levelno) for record in caplog.records] == [("tokenauth", logging.WARNING)]
    assert "expiresAt" in caplog.text
    assert "soon" not in caplog.text


@pytest.mark.parametrize("read", [lifetime_of, instant])
def test_what_is_not_stated_is_unknown_without_a_word(read: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert read(None) is None
    assert not caplog.records


@pytest.mark.parametrize("value", [0, 3600, 99_999_999, 10**19, "0001-01-01T00:00:00Z", "13 Sep 1931 00:00:00 GMT"])
def test_an_instant_outside_of_1973_to_9999_is_nonsense(value: object) -> None:
    assert instant(value) is None


@pytest.mark.parametrize(
    "value",
    [
        1599989733,
        1599989733000,
        1599989733000000,
        1599989733.0,
        "1599989733",
        "1599989733000",
        20200913093533,
        "20200913093533",
        "2020-09-13T09:35:33Z",
        "2020-09-13T09:35:33",
        "2020-09-13 09:35:33",
        "2020-09-13T11:35:33+02:00",
        "2020-09-13 09:35:33 UTC",
        "2020-09-13 11:35:33 +0200",
        "2020-09-13T09:35:33.0000000Z",
        "Sun, 13 Sep 2020 09:35:33 GMT",
        "Sun. 13 Sep 2020 09:35:33 GMT",
        "Thurs, 13 Sep 2020 09:35:33 GMT",
        "Thurs. 13 Sep 2020 09:35:33 GMT",
        "13 Sep 2020 09:35:33 GMT",
        "13 Sep 2020 09:35:33",
    ],
)
def test_instants_in_every_form_are_the_same(value: object, caplog: pytest.LogCaptureFixture) -> None:
    assert instant(value) == SEP_13
    assert not caplog.records


def test_seven_fraction_digits_are_read() -> None:
    assert instant("2020-09-13T09:35:33.1234567Z") == pytest.approx(SEP_13 + 0.123456, abs=1e-6)


@pytest.mark.parametrize(
    ("number", "seconds"), [(10**11 - 1, 10**11 - 1), (10**11, 1e8), (10**14 - 1, 1e11), (10**14, 1e8)]
)
def test_the_size_of_a_number_tells_its_unit(number: int, seconds: float) -> None:
    assert instant(number) == pytest.approx(seconds)


def test_a_date_without_zone_is_utc_wherever_this_runs() -> None:
    dates = ["2020-09-13T09:35:33", "13 Sep 2020 09:35:33"]
    code = f"from tokenauth._core.expiry import instant; print(*map(instant, {dates}))"
    environment = {**os.environ, "TZ": "JST-9"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == [str(SEP_13), str(SEP_13)]


def test_a_unit_overrides_the_size() -> None:
    assert instant(10**11, "s") == 1e11
    assert instant(1599989733000, "s") is None
    assert instant(1599989733000, "ms") == SEP_13
    assert instant(1599989733000, "us") is None


@given(ANY_JSON)
def test_no_json_value_raises(value: object) -> None:
    for result in (lifetime_of(value), lifetime_of(value, "min"), instant(value), instant(value, "ms")):
        assert result is None or math.isfinite(result)


@given(st.from_regex(r"(Sun[.,] )?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{1,5} [0-9:.]{1,9} ?([A-Z]{1,3}|[+-][0-9]{1,6})?"))
def test_no_date_raises(text: str) -> None:
    instant(text)


def test_what_json_makes_of_huge_numbers_is_nonsense() -> None:
    assert lifetime_of(json.loads("1e400")) is None
    assert instant(json.loads("NaN")) is None


def test_the_field_that_a_warning_names_is_the_standard_one_where_none_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert (lifetime_of("soon"), instant("soon")) == (None, None)
    assert [message.split()[0] for message in caplog.messages] == ["expires_in", "expires_at"]
    assert all("(str)" in message for message in caplog.messages)


def test_units_are_checked() -> None:
    checked_unit("unit", "min")
    checked_unit("unit", None)
    with pytest.raises(ValueError, match=r"expires_unit must be None or one of us, ms, s$"):
        checked_unit("expires_unit", "min", instant=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("PT15M", 900), ("P1DT2H", 93600), ("PT1.5S", 1.5), ("00:20:00", 1200), ("1.00:00:01", 86401), ("P", None)),
        *(("15m", 900), ("1h", 3600), ("7d", 604800), ("7 days", 604800), ("1h30m0s", 5400), ("3600s", 3600)),
        *(("3.5s", 3.5), ("2.5 hrs", 9000), ("1 day 2 hours", 93600), ("10 mins", 600), (" ", None)),
    ],
)
def test_a_duration_is_a_lifetime(text: str, seconds: float | None) -> None:
    assert lifetime_of(text) == seconds
