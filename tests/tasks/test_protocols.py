"""What a score means is not changed unnoticed: cells of older scoring code are not stale.

A protocol's name is part of every cell's key, and the code behind it is not. So the code is
recorded here. When this fails, ask what the change does to a score: if anything, raise the
protocol's number and say so in CHANGELOG.md; if nothing, renew what is recorded:
`pytest --update-golden tests/tasks/test_protocols.py`.
"""

import ast
import hashlib
import io
import json
import tokenize
from pathlib import Path

import pytest

from tasks import guided, probing
from tasks.landmark import LandmarkTask
from tasks.segmentation import SegmentationTask

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "golden" / "protocols.json"
#: The code that scores by each protocol, as patterns below ``tasks``.
CODE = {
    SegmentationTask.protocol: (
        "blind.py", "finetuning.py", "labelled.py", "metrics.py", "preparation.py",
        "segmentation.py", "segmenter.py", "selection.py", "splits/__init__.py", "validation.py",
    ),
    probing.PROTOCOL: ("probing/*.py",),
    guided.PROTOCOL: ("guided/*.py",),
    LandmarkTask.protocol: ("landmark.py", "landmarks/*.py"),
}  # fmt: skip


def plain(source: str) -> str:
    """Code without comments, docstrings and line ends; the same to every version of Python."""
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0] if node.body else None
            if ast.get_docstring(node) is not None and first is not None:
                for row in range(first.lineno - 1, first.end_lineno or first.lineno):
                    lines[row] = ""
    return "".join("".join(lines).split())


def digest(patterns: tuple[str, ...]) -> str:
    """Of some modules' code without comments and docstrings; a pattern must find something."""
    total = hashlib.sha256()
    for pattern in patterns:
        paths = sorted((ROOT / "tasks").glob(pattern))
        assert paths, pattern
        for path in paths:
            total.update(plain(path.read_text(encoding="utf-8")).encode())
    return total.hexdigest()


def test_the_code_behind_a_protocol_is_the_recorded_one(update_golden: bool) -> None:
    now = {protocol: digest(patterns) for protocol, patterns in CODE.items()}
    if update_golden:
        RECORDED.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    changed = [protocol for protocol, code in now.items() if recorded.get(protocol) != code]
    assert not changed, __doc__
    assert recorded.keys() == now.keys(), __doc__


def test_comments_and_docstrings_do_not_count() -> None:
    bare = 'def f(x):\n    return x + "#"\n'
    told = '"""What."""\n\n\ndef f(x):  # a comment\n    """Why."""\n    return x + "#"\n'
    assert plain(bare) == plain(told)
    assert plain(bare) != plain(bare.replace("+", "-"))


@pytest.mark.parametrize("protocol", CODE)
def test_a_protocols_name_ends_in_its_number(protocol: str) -> None:
    assert protocol.rpartition("-")[2].isdecimal()
