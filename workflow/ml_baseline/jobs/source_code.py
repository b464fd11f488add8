"""What a rule's code is: its script and every module of ours that the script imports."""

import ast
import contextlib
import hashlib
import importlib.metadata
import itertools
import os
import re
import sys
from functools import cache
from pathlib import Path

from ml_baseline.jobs.memory import Memory


def code_hash(script: Path, package: Path, memory: Memory | None = None) -> str:
    """Return a hash of a script and of the package's modules it imports, directly or not.

    Comments, docstrings and layout do not count: only what can change a result. `memory` keeps what was
    found out about each source file: parsing all of them takes a third of a second. Raises SyntaxError
    if one is not valid Python.
    """
    lines = []
    found, waiting = {script}, [script]
    while waiting:
        line, imported = _looked_at(waiting.pop(), package, memory)
        lines.append(line)
        waiting += imported - found
        found |= imported
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


@cache
def _looked_at(path: Path, package: Path, memory: Memory | None) -> tuple[str, frozenset[Path]]:
    """Return a file's name with the hash of its meaning, and the package's files that it imports."""
    digest, imported = _read(path, package, memory)
    name = path.relative_to(package) if path.is_relative_to(package) else "script"
    own = (dotted for dotted in imported if dotted.startswith(package.name))
    files = frozenset(file for dotted in own for file in _files(dotted, package))
    return f"{name} {digest}", files


def _read(path: Path, package: Path, memory: Memory | None) -> tuple[str, list[str]]:
    """Return the hash of one file's meaning and the dotted names it imports."""
    source = path.read_bytes()
    inside = path.is_relative_to(package)
    parents = path.relative_to(package.parent).parent.parts if inside else ()
    key = f"code {hashlib.sha256(source + repr((parents, sys.version_info)).encode()).hexdigest()}"
    match memory and memory.get(key):
        case [str(digest), list(imported)]:
            return digest, imported
    digest, imported = _meaning(source, str(path), parents)
    if memory:
        memory.put(key, [digest, imported])
    return digest, imported


def _meaning(source: bytes, filename: str, parents: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the hash of a source without comments and docstrings, and the names it imports."""
    tree = ast.parse(source, filename=filename)
    imported = []
    for node in ast.walk(tree):
        imported += _imported_names(node, parents)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imported


def _imported_names(node: ast.AST, parents: tuple[str, ...]) -> list[str]:
    """Return the dotted names that a statement imports, in a file of the package `parents`.

    Or a text does, as one for `pkgutil.resolve_name` (`package.module:name`).
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        named = re.fullmatch(r"(\w+(?:\.\w+)+):\w+", node.value)
        return [named[1]] if named else []
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        start = parents[: len(parents) - node.level + 1] if node.level else ()
        module = ".".join([*start, *([node.module] if node.module else [])])
        return [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return []


@cache
def _modules(package: Path) -> dict[str, Path]:
    """Return the package's files by the dotted names that they are imported by."""
    found = {}
    for folder, _, names in os.walk(package):
        dotted = ".".join([package.name, *Path(folder).relative_to(package).parts])
        for name in (name for name in names if name.endswith(".py")):
            found[f"{dotted}.{name[:-3]}".removesuffix(".__init__")] = Path(folder, name)
    return found


def _files(dotted: str, package: Path) -> list[Path]:
    """Return the package's files that importing a dotted name runs."""
    modules = _modules(package)
    names = itertools.accumulate(dotted.split("."), "{}.{}".format)
    return [modules[name] for name in names if name in modules]


@cache
def package_version(dotted: str) -> str:
    """Return the name and version of the distribution that a dotted path's package comes from."""
    package = dotted.split(".")[0]
    distribution = "scikit-learn" if package == "sklearn" else package
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return f"{distribution} {importlib.metadata.version(distribution)}"
    # The distribution has another name than its package, if it is one: a look at all, slower.
    for distribution in importlib.metadata.packages_distributions().get(package, ()):
        return f"{distribution} {importlib.metadata.version(distribution)}"
    return f"{package} (not installed as a distribution)"
