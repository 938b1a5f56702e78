from __future__ import annotations

import io

import pytest

from terminal.cli.console import Progress, fail, grouped, rupees


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1000, "1,000"), (123456, "1,23,456"), (-12345678, "-1,23,45,678"), (100000, "1,00,000")]
)
def test_numbers_are_grouped_in_lakhs(number: int, text: str) -> None:
    assert grouped(number) == text


@pytest.mark.parametrize(("units", "text"), [(0, "0.00"), (12_345_678_900, "12,34,567.89"), (-50, "-0.01"), (-49, "0.00"), (1_049, "0.10")])
def test_money_is_written_to_the_paisa(units: int, text: str) -> None:
    assert rupees(units) == text


def test_a_bar_shows_how_far_it_is_and_how_long_is_left() -> None:
    line = Progress("reading", "rows", Screen()).line(250_000, 1_000_000, 2.0)
    assert line == "reading [########----------------------]  25% 2,50,000 of 10,00,000 rows, 6 s left"
    assert Progress("reading", "rows", Screen()).line(1200, 0, 2.0) == "reading 1,200 rows"


def test_a_bar_is_drawn_on_a_terminal_and_taken_away() -> None:
    screen = Screen()
    bar = Progress("reading", stream=screen)
    bar(10, 10)
    bar.end()
    assert "100% 10 of 10" in screen.getvalue()
    assert screen.getvalue().endswith("\r")


def test_nothing_is_drawn_into_a_pipe() -> None:
    pipe = io.StringIO()
    bar = Progress("reading", stream=pipe)
    bar(5, 10)
    bar(10, 10)
    bar.end()
    assert pipe.getvalue() == ""


def test_an_error_is_one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(ValueError("first\n  second")) == 2
    assert fail(KeyError()) == 2
    assert capsys.readouterr().err == "shikra: first second\nshikra: KeyError\n"
