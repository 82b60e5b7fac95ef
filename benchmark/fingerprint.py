"""Which code made a result: a digest of every module a method's training runs through."""

import ast
import hashlib
from pathlib import Path

import methods

ROOT = Path(methods.__file__).parent
#: The loop itself and what it imports belong to every method's fingerprint.
LOOP = "methods.pretrain"


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


def path_of(module: str) -> Path | None:
    """The file of a ``methods.*`` module; None for anything else and for the registry itself."""
    first, *rest = module.split(".")
    if first != "methods" or not rest:
        return None
    stem = ROOT.joinpath(*rest)
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


def imported(source: str) -> set[str]:
    """Modules named by a source's import statements."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def fingerprint(module: str) -> dict[str, str]:
    """Digest of every ``methods.*`` module that training ``module``'s method runs through.

    Args:
        module: Where the method's class lives, e.g. "methods.ld".

    Returns:
        Module names to SHA-256 of their code without comments and docstrings.
    """
    waiting, digests = [module, LOOP], {}
    while waiting:
        name = waiting.pop()
        path = path_of(name)
        if path is None or name in digests:
            continue
        source = path.read_text(encoding="utf-8")
        digests[name] = hashlib.sha256(stripped(source).encode()).hexdigest()
        waiting += sorted(imported(source))
    return dict(sorted(digests.items()))
