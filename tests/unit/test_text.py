"""Text from files reaches a terminal as characters, never as commands."""

import pytest

from ml_baseline.text import for_terminal

CASES = {
    "colour": ("\x1b[31mred", r"\x1b[31mred"),
    "title of the window": ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
    "one byte for escape and bracket": ("\x9b2J", r"\x9b2J"),
    "back over the line": ("good\rbad", r"good\rbad"),
    "backspace, delete": ("a\b\x7f", r"a\x08\x7f"),
    "reversed direction": ("abc\u202etxt.exe", r"abc\u202etxt.exe"),
    "unseen line end": ("a\u2028b", r"a\u2028b"),
    "half of a character": ("\ud83d", r"\ud83d"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_steers_a_terminal_is_made_visible(case):
    text, shown = CASES[case]
    assert for_terminal(text) == shown


@pytest.mark.parametrize("text", ["", "größe ≤ 5\n\tnext", "日本語 🙂", "a\u00a0b", r"C:\new"])
def test_everything_else_stays(text):
    assert for_terminal(text) == text
