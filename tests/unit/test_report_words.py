import pytest

from ml_baseline.report import words
from ml_baseline.report.words import Score, decimals
from ml_baseline.text import shortened


@pytest.mark.parametrize(
    ("low", "high", "digits"),
    [
        (0.54, 0.70, 2),  # an error of 0.08: one digit
        (0.60, 0.84, 2),  # 0.12: two digits
        (0.84, 0.88, 3),  # 0.020
        (0.845, 0.855, 3),  # 0.005: one digit
        (0.0, 1.0, 1),
        (0.5, 0.5, 3),  # no error to go by
        (100.0, 300.0, 0),
        (0.0, 0.0199, 3),  # 0.00995 is rounded to 0.010
    ],
)
def test_figures_end_where_their_error_does(low, high, digits):
    assert decimals(low, high) == digits


@pytest.mark.parametrize(
    ("score", "text", "limits"),
    [
        (Score(0.62428, 0.5436, 0.6986), "0.62", "0.54 to 0.70"),
        (Score(0.62428, 0.4436, 0.6986), "0.62", "0.44 to 0.70"),
        (Score(1.0, 0.9578, 1.0), "1.000", "0.958 to 1.000"),
        (Score(-0.0001, -0.02, 0.02), "0.000", "−0.020 to 0.020"),
    ],
)
def test_scores_are_rounded_to_what_the_interval_supports(score, text, limits):
    assert (score.text(), score.limits()) == (text, limits)


@pytest.mark.parametrize(
    ("share", "rows", "text"),
    [
        (0.42, 200, "42 %"),
        (0.4237, 5000, "42.4 %"),
        (0.001, 200, "< 1 %"),
        (0.999, 200, "> 99 %"),
        (0.0, 200, "0 %"),
        (1.0, 200, "100 %"),
        (0.0001, 5000, "< 0.1 %"),
    ],
)
def test_percentages_never_claim_none_or_all_falsely(share, rows, text):
    assert words.percent(share, rows).replace("\N{NO-BREAK SPACE}", " ") == text


def test_values_in_sentences_are_escaped_and_what_cannot_be_seen_is_written_out():
    name = "score: final; v2 `b` <b> a|b {{x}} **x** \x1b[31m \u202egnp.exe"
    assert words.html("<code>{}</code>, {:g}", name, 0.5) == (
        "<code>score: final; v2 `b` &lt;b&gt; a|b {{x}} **x** \\x1b[31m \\u202egnp.exe</code>, 0.5"
    )
    assert words.visible("می\u200cخواهم\tد\nx") == "می\u200cخواهم\tد\nx"


@pytest.mark.parametrize(
    ("text", "length", "short"),
    [("short", 10, "short"), ("abcdefghijkl", 7, "abcd…kl")],
)
def test_long_names_keep_both_ends(text, length, short):
    assert shortened(text, length) == short
    assert len(short) <= length


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (15.884, "15.88"),
        (250000, "250,000"),
        (2531.55, "2532"),
        (2010, "2010"),
        (1e-7, "1.000e−07"),
    ],
)
def test_measurements_have_four_digits(value, text):
    assert words.significant(value) == text
