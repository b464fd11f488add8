"""Whether the estimators that a config names are there, told from the text of their modules.

Nothing is imported: that takes longer than all else at the start, and runs the module's code.
"""

import ast
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ml_baseline.config.problems import Keys, Problem, refuse
from ml_baseline.config.schema import stands_alone
from ml_baseline.errors import did_you_mean, similar

# Packages people take classifiers from, and the name each is installed by.
PACKAGES = {
    "sklearn": "scikit-learn",
    "imblearn": "imbalanced-learn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
}
# The parameter in which scikit-learn takes the folder of a cache.
CACHE_FOLDER = "memory"
CLASS = re.compile(r"\nclass (\w+)\s*(?:\(([^()]*)\))?\s*:")
DEFINITION = re.compile(r"\n(?:class|def|async def) ")
IMPORT = re.compile(r"\n[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)")
# What an object inside another estimator has: an estimator, a kernel or a splitter.
PART_METHODS = ("fit", "get_params", "split")


def check_estimators(config: dict) -> None:
    """Raise ConfigError if an estimator that a model names is not there, or is none.

    Packages are only looked for, and the class is sought in the text of its module. Where the text
    does not tell (a compiled module, names made at run time), the class counts as there; importing
    it will tell. Ask this only where the jobs run in the same environment as the caller.

    Args:
        config: a completed config.
    """
    answers: dict[tuple[str, bool], str | None] = {}
    problems = []
    for path, entry, is_part in _estimators(config):
        estimator = entry["estimator"]
        if CACHE_FOLDER in (entry.get("params") or {}):
            text = "names a folder from which pickled objects are loaded; remove the key"
            problems.append(Problem((*path, "params", CACHE_FOLDER), text))
        if (estimator, is_part) not in answers:
            answers[estimator, is_part] = _estimator_problem(estimator, is_part)
        if answers[estimator, is_part]:
            problems.append(Problem(path, f"{estimator}: {answers[estimator, is_part]}"))
    refuse(problems)


class Bindings(NamedTuple):
    """The names that a module has, as far as its text tells."""

    bound: frozenset[str]  # by a statement
    listed: frozenset[str]  # in `__all__`, or in the tables of a module that imports lazily
    is_open: bool  # there may be others


def _estimators(config: dict) -> Iterator[tuple[Keys, dict, bool]]:
    """Yield each entry of an estimator in the config, where it stands, and whether it is a part."""
    sections: list[tuple[Keys, dict]] = [(("models",), config["models"])]
    for name, dataset in config["datasets"].items():
        sections.append((("datasets", name, "models"), dataset.get("models", {})))
    for path, models in sections:
        for name, model in models.items():
            if stands_alone(model):
                yield (*path, name), model, False
            if model is not None:
                yield from _parts(model.get("params"), (*path, name, "params"))


def _parts(value: Any, path: Keys) -> Iterator[tuple[Keys, dict, bool]]:
    """Yield the estimators inside the parameters of another."""
    if stands_alone(value):
        yield path, value, True
        value = {"params": value.get("params")}
    items = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list | tuple) else items:
        yield from _parts(item, (*path, key))


def _estimator_problem(estimator: str, is_part: bool) -> str | None:
    """Return why there can be no such class, None if it is there or nobody can tell.

    Args:
        estimator: its dotted path.
        is_part: whether it stands inside another, which may ask for a kernel or a splitter too.
    """
    package, *parts = estimator.split(".")
    if package in sys.stdlib_module_names:
        return f"{package} is part of Python itself, which has no estimators; name a class with fit"
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None:
        close = [] if package in PACKAGES else similar(package, PACKAGES, 1, cutoff=0.7)
        if close:
            return f"there is no package {package}; {did_you_mean(['.'.join([*close, *parts])])}"
        return f"package {package} is not installed: pip install {PACKAGES.get(package, package)}"
    source, folders = _place(package) or (None, [])
    module = package
    while True:
        name, submodule = parts[0], _submodule(folders, parts[0])
        if submodule is not None and len(parts) > 1:
            (source, folders), module, parts = submodule, f"{module}.{name}", parts[1:]
            continue
        bindings = _bindings(source)
        known = bindings is None or name in bindings.bound
        if not known and submodule is not None:
            return f"{module}.{name} is a module; name a class in it"
        if bindings and not (known or name in bindings.listed or bindings.is_open):
            return _missing_name(module, parts, bindings, folders, package)
        if (
            len(parts) > 1
            or _offers(module, name, PART_METHODS if is_part else ("fit",)) is not False
        ):
            return None
        if is_part:
            return "is not a class of scikit-learn's kind: it has none of " + ", ".join(
                PART_METHODS
            )
        return "is no estimator: name a class that has fit"


def _place(module: str) -> tuple[Path | None, list[Path]] | None:
    """Return the source (None if compiled) and the folders of a module; None if not there."""
    package, *parts = module.split(".")
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return None
    folders = [Path(folder) for folder in spec.submodule_search_locations or []]
    found: tuple[Path | None, list[Path]] | None
    origin = spec.origin or ""
    found = (Path(origin) if origin.endswith(".py") else None, folders)
    for part in parts:
        found = _submodule(found[1], part)
        if found is None:
            return None
    return found


def _offers(module: str, name: str, methods: tuple[str, ...], hops: int = 12) -> bool | None:
    """Return whether a name is a class with one of these methods; None if the text does not tell.

    The class is followed through imports and base classes by its text alone, without a parser:
    some of these modules take longer to parse than all else at the start.
    """
    if module.partition(".")[0] in sys.stdlib_module_names or (module, name) == ("", "object"):
        return False
    place = _place(module)
    if hops == 0 or place is None or place[0] is None:
        return None
    text = "\n" + place[0].read_text(encoding="utf-8", errors="replace")
    if f"\ndef {name}(" in text or f"\nasync def {name}(" in text:
        return False
    start = text.find(f"\nclass {name}")
    found = CLASS.match(text, start) if start >= 0 else None
    if found is None or found[1] != name:
        return _offers_imported(module, place, text, name, methods, hops)
    end = DEFINITION.search(text, found.end())
    body = text[found.end() : end.start() if end else len(text)]
    if any(f" def {method}(" in body or f" {method} = " in body for method in methods):
        return True
    if "__getattr__" in body:
        return None
    answers = []
    for base in (found[2] or "").split(","):
        base = re.sub(r"#.*", "", base).strip()
        if base.isidentifier() and base != "object":
            answers.append(_offers(module, base, methods, hops - 1))
        elif base and base != "object" and not base.startswith("metaclass"):
            answers.append(None)
    return True if True in answers else None if None in answers else False


def _offers_imported(
    module: str,
    place: tuple[Path | None, list[Path]],
    text: str,
    name: str,
    methods: tuple[str, ...],
    hops: int,
) -> bool | None:
    """Return `_offers` of a name that a module imports from another."""
    imports = IMPORT.finditer(text) if name in text else ()
    for found in imports:
        origin, names = found.groups()
        for item in re.sub(r"#.*|[()\\]", "", names).split(","):
            words = item.split()
            if not words or words[-1] != name:
                continue
            level = len(origin) - len(origin.lstrip("."))
            if level:
                # The folder of a package counts as its first level.
                up = level - 1 if place[1] else level
                above = module.split(".")[: len(module.split(".")) - up]
                origin = ".".join([*above, *filter(None, [origin[level:]])])
            return _offers(origin, words[0], methods, hops - 1)
    return None


def _missing_name(
    module: str, parts: list[str], bindings: Bindings, folders: list[Path], package: str
) -> str:
    """Return that a module has no such name, and where it or the nearest one is."""
    name, *rest = parts
    if rest:
        close = similar(name, [submodule for submodule, _ in _submodules(folders)], 1)
        meant = [".".join([module, candidate, *rest]) for candidate in close]
        text = f"{module} has no module {name}"
    else:
        meant = _homes(name, package) or similar(name, _public(bindings.bound | bindings.listed))
        text = f"{module} has no {name}"
    return f"{text}; {did_you_mean(meant)}" if meant else text


def _public(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if name.isidentifier() and not name.startswith("_"))


def _homes(name: str, package: str) -> list[str]:
    """Return where in the package the class stands, if it is in one of its public modules."""
    _, folders = _place(package) or (None, [])
    modules = [(module, _bindings(source)) for module, source in _submodules(folders)]
    for field in ("listed", "bound"):  # where a class is public before where it is only used
        for module, bindings in modules:
            for known in _public(getattr(bindings, field, ())):
                if known.lower() == name.lower():
                    return [f"{package}.{module}.{known}"]
    return []


def _submodule(folders: list[Path], name: str) -> tuple[Path | None, list[Path]] | None:
    """Return the source (None if compiled) and the folders of a submodule; None if not there."""
    for folder in folders:
        inner = folder / name
        if (inner / "__init__.py").is_file():
            return inner / "__init__.py", [inner]
        if (folder / f"{name}.py").is_file():
            return folder / f"{name}.py", []
        if inner.is_dir():
            return None, [inner]
        if any(file.suffix in (".so", ".pyd", ".pyc") for file in folder.glob(f"{name}.*")):
            return None, []
    return None


def _submodules(folders: list[Path]) -> Iterator[tuple[str, Path]]:
    """Yield the name and the source of each public module in the folders."""
    for folder in folders:
        for item in sorted(folder.iterdir()) if folder.is_dir() else ():
            source = item / "__init__.py" if item.is_dir() else item
            if not item.name.startswith("_") and source.suffix == ".py" and source.is_file():
                yield item.stem, source


def _bindings(source: Path | None) -> Bindings | None:
    """Return the names a module binds, None if its text is not there or not Python."""
    try:
        tree = ast.parse(source.read_bytes()) if source else None
    except (OSError, SyntaxError, ValueError):
        return None
    if tree is None:
        return None
    bound: set[str] = set()
    strings: set[str] = set()
    public: list[ast.AST] = []  # what is put into `__all__`
    is_open, public_is_plain = False, True
    for node in _statements(tree.body):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.add(node.name)
                continue
            case ast.ImportFrom(module=None):
                # `from . import name` binds a module, which is told by its file.
                bound |= {alias.asname for alias in node.names if alias.asname}
            case ast.Import() | ast.ImportFrom():
                bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        for inner in _expressions(node):
            match inner:
                case ast.Name(id="__all__"):
                    public.append(node)
                case ast.Name(ctx=ast.Store()):
                    bound.add(inner.id)
                case ast.Constant(value=str() as text):
                    strings.add(text)
                case ast.Name(id="globals" | "vars" | "locals" | "exec" | "setattr"):
                    is_open = True
                case ast.Attribute(value=ast.Name(id="sys"), attr="modules"):
                    is_open = True
    listed = set()
    for inner in (inner for node in public for inner in ast.walk(node)):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            listed.add(inner.value)
        public_is_plain &= not isinstance(inner, ast.Call | ast.Attribute | ast.comprehension)
    if "__getattr__" in bound:  # names are made when asked for, out of tables of strings
        listed |= strings
        is_open |= not (public and public_is_plain)
    return Bindings(frozenset(bound), frozenset(listed), is_open or "*" in bound)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run when a module is imported, those under `if` and `try` too."""
    for node in body:
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for field in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                yield from _statements(handler.body)


def _expressions(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement that are not statements themselves."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.ExceptHandler):
            yield from ast.walk(child)
