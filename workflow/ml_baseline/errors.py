"""The one error a user is meant to read, and its question: did you mean ...?"""

from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave cannot be used: a table, a column, a config value.

    The message names what was found, what was expected and what to do next. Whoever catches it
    shows the message alone; any other exception is a fault of ours and is shown with its traceback.
    """


def similar(word: str, words: Iterable[str], n: int = 2, cutoff: float = 0.6) -> list[str]:
    """Return at most `n` of `words` that `word` may have been meant for, the most similar first.

    Case does not count. `cutoff` is the least similarity, from 0 to 1, by difflib's ratio. Where
    one of the words differs by nothing but case, it is the only one.
    """
    import difflib

    folded = {candidate.casefold(): candidate for candidate in words}
    if word.casefold() in folded:
        return [folded[word.casefold()]]
    return [folded[key] for key in difflib.get_close_matches(word.casefold(), folded, n, cutoff)]


def did_you_mean(candidates: Iterable[object], otherwise: str = "") -> str:
    """Return "did you mean a or b?"; `otherwise` if there are no candidates."""
    names = " or ".join(map(str, candidates))
    return f"did you mean {names}?" if names else otherwise
