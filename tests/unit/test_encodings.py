"""Texts in other encodings than UTF-8: read right, told, or refused, never quietly wrong."""

import random

import pytest

from ml_baseline.data.clean import clean
from ml_baseline.data.doubts import doubts
from ml_baseline.data.infer_schema import describe_columns, infer_schema
from ml_baseline.data.tables import read_raw_table
from ml_baseline.errors import InputError

WORDS = {
    "cp1252": "Müller Köln São café Málaga Besançon Größe Ærø naïve año € – œuvre L’Haÿ Ångström",
    "cp1251": "Москва Казань Иванов женский мужской да нет Санкт-Петербург Тула Орёл",
    "koi8_r": "Москва Казань Иванов женский мужской да нет Тула",
    "cp866": "Москва Казань Иванов женский мужской да нет Тула",
    "cp1250": "Łódź Kraków Gdańsk Żółć Plzeň Děčín Budějovice mężczyzna",
    "iso8859_2": "Łódź Kraków Gdańsk Żółć Plzeň Děčín Győr",
    "cp1253": "Αθήνα Θεσσαλονίκη άνδρας γυναίκα ναι όχι",
    "cp1255": "ירושלים חיפה כן לא",
    "cp1256": "القاهرة نعم لا دبي",
    "mac_roman": "Müller Köln São café Málaga Besançon Größe",
    "cp850": "Müller Köln São café Málaga Größe",
    "cp932": "東京 大阪 男 女 はい いいえ カタカナ",
    "euc_jp": "東京 大阪 男 女 はい いいえ カタカナ",
    "gb18030": "北京 上海 男 女 是 否 广州市",
    "big5": "台北 高雄 男 女 是 否",
    "cp949": "서울 부산 남자 여자 예 아니오",
}


def written(path, encoding, words, foreign=1.0, rows=60):
    """Write a table in an encoding, a share of its cells in words outside ASCII."""
    rng = random.Random(0)
    lines = ["id,name,city,age,y"]
    for i in range(rows):
        cells = [rng.choice(words if rng.random() < foreign else ["Smith", "Rome"]) for _ in "ab"]
        lines.append(
            ",".join([str(i), *cells, str(rng.randint(18, 90)), rng.choice(["yes", "no"])])
        )
    path.write_bytes("\n".join(lines).encode(encoding))
    return [line.split(",")[1] for line in lines[1:]]


@pytest.mark.parametrize("foreign", [1.0, 0.2])
@pytest.mark.parametrize("encoding", WORDS)
def test_an_encoding_is_read_right_or_refused(tmp_path, encoding, foreign):
    path = tmp_path / "t.csv"
    names = written(path, encoding, WORDS[encoding].split(), foreign)
    if encoding == "cp1252":
        table, reading = read_raw_table(path)
        assert reading["encoding"] == "cp1252" and "doubtful_words" not in reading
        assert table["name"].tolist() == names
        return
    with pytest.raises(
        InputError, match=r"not UTF-8, and not Windows-1252 .* name its encoding|valid"
    ):
        read_raw_table(path)
    assert read_raw_table(path, {"encoding": encoding})[0]["name"].tolist() == names


def test_the_refusal_proposes_the_encoding(tmp_path):
    written(tmp_path / "t.csv", "cp1251", WORDS["cp1251"].split())
    with pytest.raises(InputError, match=r"`encoding: cp1251` would read '.*(Москва|нет|Тула)"):
        read_raw_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1250", "Łukasz Michał Paweł Anna Ewa"),
        ("cp1250", "Iaşi Bucureşti Timişoara Cluj"),
        ("iso8859_2", "Michał Łukasz"),
        ("mac_roman", "Köln München José café"),
        ("cp850", "Malmö José"),
    ],
)
def test_a_few_names_are_enough_to_refuse(tmp_path, encoding, words):
    written(tmp_path / "t.csv", encoding, words.split())
    with pytest.raises(InputError, match="name its encoding"):
        read_raw_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "words",
    [
        [
            "5 m²",
            "20 °C",
            "½ cup",
            "3×4",
            "£5",
            "5 £",
            "Nº 1",
            "2ª",
            "1º",
            "§ 5",
            "10 µg",
            "±3",
            "™",
        ],
        ["“a”", "d’Ørsted", "L’Haÿ", "Château-d’Œx", "ÉCOLE", "DÉJÀ", "à", "où", "¿qué?", "¡sí!"],
        [
            "Müller–Lüdenscheidt",
            "coöperatie",
            "pingüino",
            "maçã",
            "corações",
            "Åre",
            "øl",
            "Ærø",
            "È",
        ],
    ],
)
def test_western_words_and_signs_are_no_doubt(tmp_path, words):
    names = written(tmp_path / "t.csv", "cp1252", words)
    table, reading = read_raw_table(tmp_path / "t.csv")
    assert table["name"].tolist() == names
    assert reading["encoding"] == "cp1252" and "doubtful_words" not in reading


@pytest.mark.parametrize(
    ("encoding", "words", "hint"),
    [
        ("cp1251", "М Ж", "such as cp1251"),  # letters alone may be in any
        ("cp1250", "Łódź Gdańsk Kraków", "(?:such as cp1251 or|`encoding:) cp1250"),
        ("cp437", "Malmö José Córdoba", "would read 'Malmö, José, Córdoba'"),
    ],
)
def test_no_encoding_is_proposed_that_gives_no_words(tmp_path, encoding, words, hint):
    lines = "".join(f"{i},{words.split()[i % len(words.split())]},{i % 2}\n" for i in range(60))
    (tmp_path / "t.csv").write_bytes(f"a,name,y\n{lines}".encode(encoding))
    with pytest.raises(InputError, match="--encoding.*" + hint):
        read_raw_table(tmp_path / "t.csv")


@pytest.mark.parametrize("answers", [("да", "нет"), ("Да", "Нет"), ("м", "ж"), ("ж", "м")])
def test_a_few_short_words_are_enough_to_refuse(tmp_path, answers):
    lines = "".join(f"{i},{answers[i % 2]}\n" for i in range(40))
    (tmp_path / "t.csv").write_bytes(f"a,y\n{lines}".encode("cp1251"))
    with pytest.raises(InputError, match="name its encoding"):
        read_raw_table(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1254", ["İstanbul", "Şişli", "kadın", "erkek", "Ağrı"]),
        ("cp1250", ["Győr", "Pécs", "Szeged", "Makó"]),
        ("cp1250", ["Škoda", "Müller"]),
    ],
)
def test_what_could_be_another_encoding_is_told(tmp_path, encoding, words):
    path = tmp_path / "t.csv"
    written(path, encoding, words)
    settings = {"target": "y"}
    raw, reading = read_raw_table(path, settings)
    assert reading["doubtful_words"]
    schema = infer_schema(raw, settings, "t", reading)
    table, repairs = clean(raw, schema)
    found = doubts(table, describe_columns(schema, table), reading | repairs, settings)
    (doubt,) = [doubt for doubt in found if doubt.what == "encoding"]
    assert doubt.column in ("name", "city") and doubt.severity == "warn"
    assert doubt.settle == {"encoding": "cp1252"}
    assert "Windows-1252" in doubt.summary and doubt.examples


def test_a_slip_in_a_western_text_is_none(tmp_path):
    words = [f"{a}é{b}" for a in "bcdfghlm" for b in "bcdfghlm"]
    written(tmp_path / "t.csv", "cp1252", [*words, "caf\u201aé"], rows=400)
    assert read_raw_table(tmp_path / "t.csv")[1]["doubtful_words"] == "caf‚é"
