"""Which code made a result: a digest of every module a method's training runs through."""

import ast
import hashlib
from functools import cache
from importlib.util import find_spec, resolve_name
from itertools import accumulate
from pathlib import Path

import methods
from methods.errors import InputError

ROOT = Path(methods.__file__).parent
#: The loop itself and what it imports belong to every method's fingerprint.
LOOP = "methods.pretrain"


class FingerprintError(InputError):
    """Code that cannot be read; names it."""


def stripped(source: str) -> str:
    """Code without comments and docstrings, in one spelling."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            if (
                body
                and isinstance(body[0], ast.Expr)
                and isinstance(body[0].value, ast.Constant)
                and isinstance(body[0].value.value, str)
            ):
                node.body = body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def path_of(module: str, package: str) -> Path | None:
    """The file of a ``methods.*`` module, or of one of an outside method's own package.

    Args:
        module: Its full name.
        package: The top-level package, or the one module, that the method's class lives in.

    Returns:
        None for anything else, for the registry itself, and where there is no Python file.
    """
    first, *rest = module.split(".")
    if first == "methods":
        folders = [ROOT] if rest else []
    elif first == package and (spec := find_spec(first)):
        if not rest:
            return source_file(spec.origin)
        folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    else:
        return None
    for folder in folders:
        stem = folder.joinpath(*rest)
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.is_file():
                return path
    return None


def source_file(origin: str | None) -> Path | None:
    """A module's file, if it is Python code; a namespace package has none."""
    return Path(origin) if origin and origin.endswith(".py") and Path(origin).is_file() else None


def imported(source: str, package: str = "") -> set[str]:
    """Modules named by a source's import statements, and the packages around them.

    Args:
        source: Python code.
        package: The package that the code lies in, for relative imports.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = resolve_name("." * node.level + base, package)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    # Importing a module runs the __init__.py of every package around it.
    return {part for name in names for part in lineage(name)}


def lineage(module: str) -> list[str]:
    """A module's packages from the top down, and the module: "a.b" gives "a" and "a.b"."""
    return list(accumulate(module.split("."), lambda outer, inner: f"{outer}.{inner}"))


def fingerprint(module: str) -> dict[str, str]:
    """Digest of every module of the project and its own package that a method's training runs.

    What it imports from elsewhere, torch or lightly, is known by its version, which is kept with
    the result.

    Args:
        module: Where the method's class lives, e.g. "methods.ld", or "vicreg" of a package.

    Returns:
        Module names to SHA-256 of their code without comments and docstrings.

    Raises:
        FingerprintError: If the class's own module is no file with Python code.
    """
    own = module.partition(".")[0]
    if path_of(module, own) is None:
        raise FingerprintError(
            f"the code of {module} cannot be read: a method's results are known by the code that "
            "made them, so keep its class in a .py file"
        )
    waiting, digests = [LOOP, *lineage(module)], dict[str, str]()
    while waiting:
        name = waiting.pop()
        path = path_of(name, own)
        if path is None or name in digests:
            continue
        package = name if path.stem == "__init__" else name.rpartition(".")[0]
        known = path.stat()
        digests[name], others = read(path, package, known.st_mtime_ns, known.st_size)
        waiting += others
    return dict(sorted(digests.items()))


@cache
def read(path: Path, package: str, changed: int, size: int) -> tuple[str, tuple[str, ...]]:
    """A file's digest and what it imports; read once, as most methods share most files.

    Args:
        path: Python code.
        package: The package that it lies in.
        changed: When it was changed last, nanoseconds: another time is another file.
        size: Its bytes.
    """
    del changed, size
    source = path.read_text(encoding="utf-8")
    digest = hashlib.sha256(stripped(source).encode()).hexdigest()
    return digest, tuple(sorted(imported(source, package)))
