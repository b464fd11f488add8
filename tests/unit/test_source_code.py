"""A rule's code is what can change its result, wherever it stands, and nothing else."""

import json
from pathlib import Path

import pytest

from ml_baseline.jobs import source_code
from ml_baseline.jobs.source_code import code_hash, package_version

# They import estimators and what warm processes hold ready, none of them a module of ours.
DYNAMIC_IMPORTS_OF_OTHERS = {"modelling/pipeline.py", "jobs/warm.py"}

# The script imports what it needs in every way there is; odd.py and audit/unused.py are not needed.
FILES = {
    "scripts/clean.py": "from lib.job_log import job_log\n\nwith job_log():\n"
    "    from lib.clean import clean\n    import lib.tables as t\n\n    print(clean(t.read()))\n",
    "lib/__init__.py": "",
    "lib/job_log.py": "def job_log():\n    return open('/dev/null')\n",
    "lib/clean.py": '"""Cleaning."""\n\nfrom lib import cells\n\n\n'
    "def clean(table):\n    '''Return it clean.'''\n    return cells.strip(table)\n",
    "lib/cells.py": "import lib.deep.inner as inner\n\n\ndef strip(x):\n    return inner.cut(x)\n",
    "lib/tables.py": "from lib.audit import audit\nfrom .files import whole\n\n\n"
    "def read():\n    return audit(whole())\n",
    "lib/files.py": "from lib.tables import read\n\n\ndef whole():\n    return 1\n",
    "lib/deep/__init__.py": "",
    "lib/deep/inner.py": "async def wait():\n    '''Wait.'''\n\n\ndef cut(x):\n    return x\n",
    "lib/audit/__init__.py": "from . import copies\nfrom .order import rows as r\n\n\n"
    "def audit(x):\n    from ..late import late\n    return late(r(copies.find(x)))\n",
    "lib/audit/copies.py": "from ..audit import scoring\n\n\ndef find(x):\n    return x\n",
    "lib/audit/scoring.py": "SCORE = 1\n",
    "lib/audit/order.py": "class Order:\n    '''An order.'''\n\n\ndef rows(x):\n    return x\n",
    "lib/audit/unused.py": "UNUSED = 1\n",
    "lib/late.py": "import json\n\n\ndef late(x):\n    return json.dumps(x)\n",
    "lib/odd.py": "import lib.cells\nODD = 1\n",
}
NEEDED = sorted(set(FILES) - {"lib/odd.py", "lib/audit/unused.py"})


@pytest.fixture
def hash_of(tmp_path):
    """A function from changed files to the hash of the script, each time in a folder of its own."""

    def made(**changed):
        folder = tmp_path / f"checkout {len(list(tmp_path.iterdir()))}"
        for name, text in (FILES | changed).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return code_hash(folder / "scripts" / "clean.py", folder / "lib")

    return made


def test_another_checkout_is_the_same_code(hash_of):
    assert hash_of() == hash_of()
    assert len(hash_of()) == 16


@pytest.mark.parametrize("name", NEEDED)
def test_code_anywhere_it_is_imported_from_counts(hash_of, name):
    assert hash_of(**{name: FILES[name] + "\n\nADDED = 1\n"}) != hash_of()


@pytest.mark.parametrize("name", sorted(set(FILES) - set(NEEDED)))
def test_modules_that_are_not_imported_do_not_count(hash_of, name):
    assert hash_of(**{name: "CHANGED = 1\n"}) == hash_of()


@pytest.mark.parametrize("name", NEEDED)
def test_comments_and_blank_lines_do_not_count(hash_of, name):
    text = "# A comment.\n\n\n" + FILES[name].replace("\n", "  # another\n\n") + "# the last\n"
    assert hash_of(**{name: text}) == hash_of()


# Edits of lib/clean.py, lib/deep/inner.py and lib/audit/order.py that change words or looks alone.
WORDS = {
    "docstring of the module": ("lib/clean.py", "Cleaning.", "Repairs."),
    "no docstring of the module": ("lib/clean.py", '"""Cleaning."""\n', ""),
    "docstring of a function": ("lib/clean.py", "Return it clean.", "Clean it."),
    "no docstring of a function": ("lib/clean.py", "    '''Return it clean.'''\n", ""),
    "docstring of a coroutine": ("lib/deep/inner.py", "Wait.", "Wait and see."),
    "docstring of a class": ("lib/audit/order.py", "An order.", "Rows in order."),
    "pass for a docstring": ("lib/audit/order.py", "'''An order.'''", "pass"),
    "layout": ("lib/clean.py", "cells.strip(table)", "(\n        cells.strip(\n            table,\n        )\n    )"),
    "quotes": ("lib/job_log.py", "'/dev/null'", '"/dev/null"'),
}  # fmt: skip


@pytest.mark.parametrize("case", WORDS)
def test_words_and_looks_do_not_count(hash_of, case):
    name, old, new = WORDS[case]
    assert old in FILES[name]
    assert hash_of(**{name: FILES[name].replace(old, new)}) == hash_of()


CODE = {
    "a number": ("lib/audit/scoring.py", "1", "2"),
    "a name": ("lib/late.py", "late", "latest"),
    "a text that is no docstring": ("lib/job_log.py", "/dev/null", "/dev/zero"),
    "a default": ("lib/files.py", "whole()", "whole(x=1)"),
    "the order": ("lib/cells.py", "inner.cut(x)", "(x, inner)"),
    "an import more": ("lib/late.py", "import json", "import json, math"),
    "a text behind the docstring": ("lib/clean.py", "'''Return it clean.'''", "'''Return.'''\n    'x'"),
}  # fmt: skip


@pytest.mark.parametrize("case", CODE)
def test_every_edit_of_code_counts(hash_of, case):
    name, old, new = CODE[case]
    assert old in FILES[name]
    assert hash_of(**{name: FILES[name].replace(old, new)}) != hash_of()


@pytest.mark.parametrize(
    "how", ["from lib.audit import unused", 'A = {"a": ("lib.audit.unused:B", 1)}']
)
def test_an_import_brings_its_module_in(hash_of, how):
    importing = {"lib/late.py": f"{FILES['lib/late.py']}\n{how}\n"}
    assert hash_of(**importing) != hash_of(**importing, **{"lib/audit/unused.py": "UNUSED = 2\n"})


def test_the_same_text_in_another_module_is_other_code(hash_of):
    moved = {"lib/audit/scoring.py": "", "lib/audit/copies.py": "SCORE = 1\n"}
    assert hash_of(**moved) != hash_of(
        **{"lib/audit/copies.py": "", "lib/audit/scoring.py": "SCORE = 1\n"}
    )


def test_a_script_may_be_called_as_its_module(hash_of):
    assert hash_of(**{"scripts/clean.py": FILES["scripts/clean.py"] + "x = 1\n"}) != hash_of()


def test_what_is_no_python_is_refused_by_name(hash_of):
    with pytest.raises(SyntaxError, match="scoring"):
        hash_of(**{"lib/audit/scoring.py": "SCORE = = 1\n"})


def test_what_is_known_is_not_found_out_again_and_what_is_broken_is(tmp_path, monkeypatch):
    from ml_baseline.jobs import source_code
    from ml_baseline.jobs.memory import Memory

    workflow = Path(source_code.__file__).parents[2]
    script, package = workflow / "scripts" / "split.py", workflow / "ml_baseline"
    plain = code_hash(script, package)
    file = tmp_path / "memory.json"
    for broken in (None, "", "[1]", '["of an older kind"]'):
        if broken is not None:
            file.write_text(json.dumps(dict.fromkeys(json.loads(file.read_text()), broken)))
        source_code._looked_at.cache_clear()
        memory = Memory(file)
        assert code_hash(script, package, memory) == plain
        memory.save()
    assert len(json.loads(file.read_text())) > 5
    source_code._looked_at.cache_clear()
    monkeypatch.setattr(source_code, "_meaning", None)  # not called
    assert code_hash(script, package, Memory(file)) == plain
    source_code._looked_at.cache_clear()


def test_our_own_scripts_bring_their_modules(monkeypatch):
    from ml_baseline.jobs import source_code

    workflow = Path(source_code.__file__).parents[2]
    read = []
    plain = source_code._looked_at.__wrapped__
    monkeypatch.setattr(
        source_code, "_looked_at", lambda path, *more: read.append(path.stem) or plain(path, *more)
    )
    code_hash(workflow / "scripts" / "augment.py", workflow / "ml_baseline")
    assert {"job_log", "augment", "files", "tables", "errors"} <= set(read)
    assert not {"train", "pipeline", "plots", "metrics", "split"} & set(read)


def test_package_versions():
    import sklearn

    assert package_version("sklearn.linear_model.Ridge") == f"scikit-learn {sklearn.__version__}"
    assert package_version("yaml.Loader").lower().startswith("pyyaml ")  # another name than its own
    assert "not installed" in package_version("nowhere_to_be_found.Model")


def test_no_module_of_ours_is_imported_where_the_hash_of_code_does_not_see_it():
    library = Path(source_code.__file__).parents[1]
    dynamic = {"import_module", "__import__"}
    found = {
        path.relative_to(library).as_posix()
        for path in library.rglob("*.py")
        if any(word in path.read_text(encoding="utf-8") for word in dynamic)
    }
    assert found <= DYNAMIC_IMPORTS_OF_OTHERS
