"""Whether a text that was decoded as Windows-1252 reads like one in a language of Western Europe.

Bytes of any one-byte encoding can be decoded so, and most come out as other letters: a Russian word
as one of accents alone, a word from DOS or an old Mac with signs inside it. No detector tells small
tables (charset-normalizer took German and French ones for Windows-1250), so nothing else is chosen:
what does not read like Western words is refused, what could be Eastern ones as well is told.
"""

import itertools
import re

WESTERN = "cp1252"
# From this share of the words with letters outside ASCII on, strange ones are not just slips.
STRANGE_SHARE = 0.05
# A text has shown what it is by so many different words.
ENOUGH_WORDS = 20_000
# A word with a letter or sign outside ASCII, and what may stand at its sides or between its letters.
WORD = re.compile(r"[A-Za-z]*[^\x00-\x7f\s][^\x00-\x40\x5b-\x60\x7b-\x7f\s]*")
EDGES = "«»¿¡“”„‘’‚‹›–—…•·™®©°ºª€£¥¢§±×²³¹½¼¾µ¶†‡‰\u00ad"
INSIDE = re.compile("[’‘·–—°ºª×\u00ad]+")
# Signs where only letters of another code page stand: £ukasz, Micha³, Bucureºti, Jos‚.
ODD = re.compile(
    r"[£¥¢§¼½¾¹²³¯¨´¸¬¦¤][^\W\d_]|[^\W\d_]{3}[¹²³¼½¾]|[^\W\d_]{2}(?:[ºª][^\W\d_]|[‚„‡ˆ‰])"
)
# Words without any ASCII letter: of French, Italian, Portuguese and the languages of the North.
ALONE = frozenset("àáâäåæèéêíóôöøúüµœ")
# Letters of this code page that are other ones in those of the East, of Turkey and of Iceland.
ELSEWHERE = re.compile("[šžŠŽŸðþýÐÞÝ]|ì(?=[^\\W\\d_])")
# No Western language has a letter of both; and where one has õ, it has ã too.
NORTH, SOUTH = re.compile("[øØ]"), re.compile("[ìòùèÌÒÙÈ]")
INNER_CAPITAL = re.compile(r"[^\W\d_A-ZÀ-ÖØ-ÞŒŠŽŸ][A-ZÀ-ÖØ-ÞŒŠŽŸ]")
TILDES = re.compile("[õÕ]"), re.compile("[ãÃ]")


class Words:
    """The words of a text with letters outside ASCII: those that are no Western ones, those that may be."""

    def __init__(self) -> None:
        self.all: set[str] = set()
        self.strange: set[str] = set()

    def add(self, text: str) -> None:
        """Look at some more of the text."""
        if len(self.all) > ENOUGH_WORDS:
            return
        words = set(WORD.findall(text))
        odd = {word for word in words if ODD.search(word)}
        found = odd | {word.strip(EDGES) for word in words - odd}
        new = {word for word in found - self.all if not word.isascii()}
        self.all |= new
        self.strange |= (new & odd) | {
            word for word in new if not all(map(_is_western, filter(None, INSIDE.split(word))))
        }

    def are_western(self) -> bool:
        """Return whether the text can be Western."""
        return len(self.strange) <= STRANGE_SHARE * len(self.all)

    def doubtful(self) -> list[str]:
        """Return the words that tell of another encoding, if any do, though the text can be Western."""
        tilde, nasal = TILDES
        lone = not any(map(nasal.search, self.all))
        return sorted(
            word
            for word in self.all
            if word in self.strange
            or ELSEWHERE.search(word)
            or (NORTH.search(word) and SOUTH.search(word))
            or (lone and tilde.search(word))
        )


def _is_western(part: str) -> bool:
    if not part.isalpha():
        return False
    accents = re.findall(r"[^\x00-\x7f]+", part)
    if accents == [part]:
        return len(part) == 1 and part.lower() in ALONE
    if max(map(len, accents), default=0) > 2:
        return False
    # Accents in the case of the letters beside them.
    pairs = itertools.pairwise(part)
    return not any(b.isupper() and a.islower() and not b.isascii() for a, b in pairs)


def another_encoding(data: bytes) -> tuple[str, str] | None:
    """Return the encoding that some text may be in, and some words of it read so: a hint, no more."""
    from charset_normalizer import from_bytes  # only where a text is refused

    for match in from_bytes(data[: 1 << 16], cp_isolation=OTHERS):
        found = [word for word in re.findall(r"\w+", str(match)) if not word.isascii()]
        words = list(dict.fromkeys(found))
        # Letters alone are found in any encoding, and no word has capitals within it.
        if any(len(word) > 2 for word in words) and not any(map(INNER_CAPITAL.search, words)):
            return match.encoding, ", ".join(words[:3])
    return None


OTHERS = [
    *("cp1251", "koi8_r", "cp866", "cp1250", "iso8859_2", "cp1253", "cp1254", "cp1255", "cp1256"),
    *("mac_roman", "cp850", "cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
