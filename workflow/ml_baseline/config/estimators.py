"""Whether the estimators that a config names exist, as far as the text of their modules tells.

Nothing is imported or parsed: that takes longer than the rest of the start, and importing runs the
module's code. What the text leaves open counts as sound; the training job will tell.
"""

import ast
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, NamedTuple

from ml_baseline.config.estimator_rules import CACHE_FOLDER, PART_METHODS, is_installed
from ml_baseline.config.problems import Keys, Problem
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
IMPORT = re.compile(r"\n[ \t]*from[ \t]+([.\w]*\w)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)")
# A module that has names its text does not mention; `__getattr__` too, unless a list names them.
OPEN = re.compile(r"import \*|sys\.modules|\n *(?:globals|vars|locals|setattr|exec)\(")
PLAIN_LIST = re.compile(r"\n__all__ = (?:\w+ \+ )?[\[(]")
INIT = re.compile(r"\n {4}def __init__\((.*?)\)(?: -> None)?:", re.DOTALL)
CLOSE = 0.8  # names so similar differ by a slip
MOST_HOPS = 12  # from a class to its base or to where it is defined; imports can go in circles


def estimator_problems(config: dict) -> list[Problem]:
    """Return the estimators of models that do not exist or are none, and the parameters they lack.

    Ask this only where the jobs run in the same environment as the caller.
    """
    problems = []
    for path, entry, methods in _mappings(config):
        if CACHE_FOLDER in entry:
            text = "names a folder from which pickled objects are loaded; remove the key"
            problems.append(Problem((*path, CACHE_FOLDER), text))
        is_model = methods == ("fit",)
        whole = entry if stands_alone(entry) or not is_model else config["models"].get(path[-1])
        if stands_alone(entry) and (problem := _estimator_problem(entry["estimator"], methods)):
            problems.append(Problem(path, f"{entry['estimator']}: {problem}"))
        elif stands_alone(whole):
            problems += _unknown_parameters(path, entry, whole["estimator"])
    return problems


def _unknown_parameters(path: Keys, entry: dict, estimator: str) -> Iterator[Problem]:
    """Yield the parameters in an entry that its class does not take, as far as its text tells."""
    sized = entry.get("from_rows", {})
    places: list[tuple[Keys, dict]] = [(("params",), entry.get("params") or {})]
    places += [(("from_rows", rows), params) for rows, params in sized.items()]
    keys = [(*place, key) for place, params in places for key in params]
    known = _parameters(*estimator.rsplit(".", 1)) if keys else None
    if known is None:
        return
    for *place, key in keys:
        if key not in known | {CACHE_FOLDER}:
            hint = did_you_mean(similar(key, known, 1), f"it has {', '.join(sorted(known))}")
            text = f"{estimator} has no such parameter; {hint}"
            yield Problem((*path, *place, key), text)


def _mappings(config: dict) -> Iterator[tuple[Keys, dict, tuple[str, ...]]]:
    """Yield the mappings in models: where each stands, and methods of which an estimator needs one."""
    sections: list[tuple[Keys, dict]] = [(("models",), config["models"])]
    for name, dataset in config["datasets"].items():
        sections.append((("datasets", name, "models"), dataset.get("models", {})))
    for path, models in sections:
        for name, model in models.items():
            if not (model or {}).get("optional") or is_installed(model.get("estimator", "")):
                yield from _inside(model, (*path, name), ("fit",))


def _inside(
    value: Any, path: Keys, methods: tuple[str, ...] = PART_METHODS
) -> Iterator[tuple[Keys, dict, tuple[str, ...]]]:
    if isinstance(value, dict):
        yield path, value, methods
    items = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list | tuple) else items:
        yield from _inside(item, (*path, key))


def _estimator_problem(estimator: str, methods: tuple[str, ...]) -> str | None:
    """Return why there can be no such class with one of the methods, None if there may be."""
    package, name, *rest = estimator.split(".")
    if package in sys.stdlib_module_names:
        return f"{package} is part of Python itself, which has no estimators; name a class with fit"
    if _spec(package) is None:
        close = [] if package in PACKAGES else similar(package, PACKAGES, 1, cutoff=0.7)
        if close:
            return (
                f"there is no package {package}; {did_you_mean(['.'.join([*close, name, *rest])])}"
            )
        return f"package {package} is not installed: pip install {PACKAGES.get(package, package)}"
    module = package
    while rest and _spec(f"{module}.{name}"):
        module, name, *rest = f"{module}.{name}", *rest
    text = _text(module)
    is_bound = text and (_origin(text, name) or re.search(rf"\n(?:class )?{name}\b", text))
    if not (rest or is_bound) and _spec(f"{module}.{name}"):
        return f"{estimator} is a module; name a class in it"
    if text is not None and not _may_have(text, name):
        meant = did_you_mean(_nearest([name, *rest][-1], module))
        return f"{module} has no {name}" + (f"; {meant}" if meant else "")
    if rest or _offers(module, name, methods) is not False:
        return None
    if methods == PART_METHODS:
        return f"{name} cannot be a part of an estimator: it has none of {', '.join(methods)}"
    return f"{name} is not an estimator; name a class with fit"


def _spec(module: str) -> ModuleSpec | None:
    """Return where a module is, found without importing it or its package; None if it is nowhere."""
    package, *parts = module.split(".")
    spec = None
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(package)
    for part in parts:
        spec = spec and PathFinder.find_spec(part, list(spec.submodule_search_locations or []))
    return spec


def _text(module: str) -> str | None:
    """Return the text of a module, after a line break; None if it is compiled or not there."""
    spec = _spec(module)
    if spec is None or not (spec.origin or "").endswith(".py"):
        return None
    return "\n" + Path(str(spec.origin)).read_text(encoding="utf-8", errors="replace")


def _may_have(text: str, name: str) -> bool:
    is_lazy = "__getattr__" in text and not PLAIN_LIST.search(text)
    return is_lazy or bool(OPEN.search(text) or re.search(rf"\b{name}\b", text))


def _origin(text: str, name: str) -> tuple[str, str] | None:
    """Return from which module a text imports a name, and what it is called there."""
    for found in IMPORT.finditer(text) if name in text else ():
        for item in re.sub(r"#.*|[()\\]", "", found[2]).split(","):
            words = item.split()
            if words and words[-1] == name:
                return found[1], words[0]
    return None


def _offers(module: str, name: str, methods: tuple[str, ...], hops: int = MOST_HOPS) -> bool | None:
    """Return whether a name is a class with one of these methods; None if the text leaves it open.

    The class is followed through imports and base classes.
    """
    found = _definition(module, name, hops)
    if not isinstance(found, _Class):
        return found
    body = found.body
    if any(f" def {method}(" in body or f" {method} = " in body for method in methods):
        return True
    answers = {_offers(found.module, base, methods, found.hops) for base in found.bases}
    if True in answers:
        return True
    return None if None in answers or "__getattr__" in body else False


@cache
def _parameters(module: str, name: str, hops: int = MOST_HOPS) -> frozenset[str] | None:
    """Return the parameters of a class, of all its bases if it has no `__init__` of its own.

    None if the text leaves them open: keywords of any name, several definitions, a decorator.
    """
    found = _definition(module, name, hops)
    if not isinstance(found, _Class) or found.is_decorated:
        return None
    here = found.body.count("def __init__")
    if not here and not re.search(r"__new__|__init__ =", found.body):
        known = [_parameters(found.module, base, found.hops) for base in found.bases]
        return None if None in known else frozenset().union(*filter(None, known))
    own = INIT.search(found.body) if here == 1 else None
    if own is None or _is_decorated(found.body[: own.start()]):
        return None
    try:
        tree = ast.walk(ast.parse(f"def init({own[1]}): pass"))
    except SyntaxError:
        return None
    taken = next(node for node in tree if isinstance(node, ast.arguments))
    names = [one.arg for one in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    return None if taken.kwarg or taken.vararg else frozenset(names[1:])


class _Class(NamedTuple):
    """The definition of a class, as text."""

    module: str
    body: str
    bases: list[str]
    is_decorated: bool
    hops: int  # that are left


def _definition(module: str, name: str, hops: int) -> _Class | bool | None:
    """Return the definition of a class, followed through imports; False if it is none, None if open."""
    if module.partition(".")[0] in sys.stdlib_module_names:
        return False
    text = _text(module) if hops and name.isidentifier() else None
    if text is None:
        return None
    if re.search(rf"\n(?:async )?def {name}\(", text):
        return False
    found = re.search(rf"\nclass {name}\b\s*(?:\(([^()]*)\))?\s*:", text)
    if found is None:
        origin = _origin(text, name)
        if origin is None:
            return None
        package = module if _folders(module) else module.rpartition(".")[0]
        try:
            home = importlib.util.resolve_name(origin[0], package)
        except ImportError:  # above the package
            return None
        return _definition(home, origin[1], hops - 1)
    body = re.split(r"\n(?:class|def|async def) ", text[found.end() :], maxsplit=1)[0]
    bases = re.findall(r"[\w.=]+", re.sub(r"#.*", "", found[1] or ""))
    bases = [b for b in bases if b != "object" and not b.startswith("metaclass")]
    return _Class(module, body, bases, _is_decorated(text[: found.start()]), hops - 1)


def _is_decorated(before: str) -> bool:
    """Return whether a decorator ends a text, or what may be the last of its lines."""
    line = before.rpartition("\n")[2].strip()
    return line.startswith("@") or line.endswith(")")


def _folders(module: str) -> list[str]:
    """Return the folders of a package; none of a plain module."""
    spec = _spec(module)
    return list(spec.submodule_search_locations or []) if spec else []


def _nearest(name: str, module: str) -> list[str]:
    """Return the classes with the most similar names in a module and the package's public ones.

    The nearest of the module first, as one of another may have the very name.
    """
    package = module.partition(".")[0]
    places = [module]
    for found in pkgutil.iter_modules(_folders(package)):
        places += [f"{package}.{found.name}"] * (not found.name.startswith("_"))
    homes: dict[str, str] = {}
    for place in places:
        text = _text(place) or ""
        listed = re.search(r"\n__all__[^\]]*", text)
        names = re.findall(r"[\"'](\w+)[\"']", listed[0]) if listed else []
        for known in names + re.findall(r"\nclass (\w+)", text):
            # No function where a class is meant, nor a regressor, unless it is asked for.
            is_class = known[:1].isupper() or not name[:1].isupper()
            if is_class and (not known.endswith("Regressor") or "regres" in name.lower()):
                homes.setdefault(known, f"{place}.{known}")
    here = [known for known, home in homes.items() if home == f"{module}.{known}"]
    near = dict.fromkeys([*similar(name, here, 1, CLOSE), *similar(name, homes)])
    return [homes[known] for known in near][:2]
