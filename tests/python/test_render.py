"""Numbers and tables as people read them."""

import math

import pytest
from gpushare import Estimate
from gpushare.frames.render import Field, decimals, html_table, number, numbers, shorten, text_table, wrap
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (None, None, "-"),
        (math.nan, None, "-"),
        (math.inf, None, "inf"),
        (-math.inf, None, "-inf"),
        (0.12345, None, "0.123"),
        (9.87654, None, "9.88"),
        (123.456, None, "123.5"),
        (12345.6, None, "12,346"),
        (1.0, 0, "1"),
        (Estimate(1.0, 0.25, 4), None, "1.00 ±0.25"),
        (Estimate(1.0), None, "1.00"),
    ],
)
def test_numbers_have_three_or_four_digits(value: float | None, places: int | None, text: str) -> None:
    assert number(value, places) == text


def test_a_column_has_the_same_decimals_throughout() -> None:
    assert numbers([1.0, 150.0, None]) == ["1.0", "150.0", "-"]
    assert numbers([1, 22, 3]) == ["1", "22", "3"]
    assert decimals([]) == 3


def test_a_long_text_loses_its_middle() -> None:
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abcdefghij", 7) == "abc…hij"
    assert len(shorten("abcdefghij", 6)) == 6


def test_a_wide_table_is_stacked_under_its_key() -> None:
    fields = [Field("key", ["one", "two"], "left"), Field("first", ["1", "2"]), Field("second", ["3", "4"])]
    assert (
        text_table(fields) == "key  first  second\n---  -----  ------\none      1       3\ntwo      2       4"
    )
    assert text_table(fields, width=12) == (
        "key  first\n---  -----\none      1\ntwo      2\n\nkey  second\n---  ------\none       3\ntwo       4"
    )
    assert text_table([]) == ""
    assert text_table(fields[:1]) == "key\n---\none\ntwo"


@given(st.lists(st.text("abc ", min_size=1, max_size=20), min_size=1, max_size=12), st.integers(50, 100))
def test_no_line_is_wider_than_asked(titles: list[str], width: int) -> None:
    fields = [Field("mode", ["dedicated"], "left"), *(Field(title, ["1"]) for title in titles)]
    assert all(len(line) <= width for line in text_table(fields, width=width).splitlines())


def test_html_is_escaped() -> None:
    page = html_table([Field("<b>", ["a & b"], "left")], caption="<c>", notes=["<n>"])
    assert "<b>" not in page
    assert "a &amp; b" in page
    assert "&lt;c&gt;" in page
    assert "&lt;n&gt;" in page


def test_paragraphs_are_wrapped() -> None:
    assert wrap("one two three", 8, "  ") == "one two\n  three"
