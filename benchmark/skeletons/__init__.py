"""What ``ldbench new`` writes: a small package around one method or task, working as it is.

The files lie beside this one, with ``$name``, ``$Class`` and ``$kind`` where the name belongs.
"""

import keyword
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

from benchmark import registry
from benchmark.outside import Kind
from methods.errors import ConfigError

#: What a method or task may be called: it names a module, files and rows of tables.
NAME = re.compile(r"[a-z][a-z0-9_]*")
#: Every file by its name in the new folder. A suffix keeps tools from reading the originals.
FILES: dict[Kind, dict[str, str]] = {
    "method": {
        "pyproject.toml": "pyproject.toml.txt",
        "$name.py": "method/module.py.txt",
        "test_$name.py": "method/test.py.txt",
        "plan.toml": "method/plan.toml.txt",
    },
    "task": {
        "pyproject.toml": "pyproject.toml.txt",
        "$name.py": "task/module.py.txt",
        "test_$name.py": "task/test.py.txt",
    },
}


def write(kind: Kind, name: str, out: Path) -> list[Path]:
    """Write a package into a new folder ``out / name``.

    Returns:
        The files, the method's or task's own one first.

    Raises:
        ConfigError: If the name cannot be used or is taken, or the folder cannot be made.
        OutsideError: If the installed packages cannot be listed.
    """
    words = {"name": free(kind, name), "Class": class_called(name), "kind": kind}
    folder = out / name
    try:
        folder.mkdir(parents=True)
        written = []
        for target, original in FILES[kind].items():
            text = (files("benchmark.skeletons") / original).read_text(encoding="utf-8")
            path = folder / Template(target).substitute(words)
            path.write_text(Template(text).substitute(words), encoding="utf-8")
            written.append(path)
    except FileExistsError as error:
        raise ConfigError(f"{folder} exists: give another name, or another --out") from error
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error}") from error
    return sorted(written, key=lambda path: path.name != f"{name}.py")


def free(kind: Kind, name: str) -> str:
    """The name itself, if a new package may be called so.

    Raises:
        ConfigError: If it is no identifier or taken by a method, a task or a module.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            f"a {kind} cannot be called {name!r}: give it a name of a-z, 0-9 and _ that begins "
            "with a letter and is no word of Python's own"
        )
    for what, taken in (("method", registry.methods()), ("task", registry.tasks())):
        if name in taken:
            raise ConfigError(f"there is a {what} called {name} already: give another name")
    spec = find_spec(name)
    if spec is not None and spec.origin is not None:  # a folder that happens to lie here has none
        raise ConfigError(
            f"there is a module called {name} already, {spec.origin}, which yours would hide: give "
            "another name"
        )
    return name


def class_called(name: str) -> str:
    """A class's name in capitals: "my_method" gives "MyMethod"."""
    return "".join(word.capitalize() for word in name.split("_"))
