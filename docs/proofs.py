"""Proofs: which tests hold which requirement, read off the tests without running them.

A test names what it holds in its own place, `@pytest.mark.requirement("P0-01")`, so nobody can move or rename it and
leave a table behind that still promises it.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

from docs.requirements import CHAPTERS, Chapter, Requirement

ROOT: Final = Path(__file__).parents[1]
TESTS: Final = ROOT / "tests"
MARK: Final = "requirement"

HEAD: Final = """# Requirements

*Which test holds which promise?*

Written by `make docs` from the tests themselves: each names what it holds with `@pytest.mark.requirement`. The name of
a test is a sentence about what happens; a file without one holds the requirement as a whole. `pytest -m p0_patches`,
`p1_patches`, `sprint5` and `scenario` run the tests of a chapter. A row that is open says what is missing; what stands
beside it holds the rest.
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """A test that names requirements; a whole module that does so has no name of a test."""

    place: str
    test: str
    ids: tuple[str, ...]
    marks: frozenset[str]


@cache
def proofs() -> tuple[Proof, ...]:
    """Return every test of this repository that names requirements, by place."""
    files = ((str(file.relative_to(ROOT)), file.read_text("utf-8")) for file in sorted(TESTS.rglob("test_*.py")))
    return tuple(found for place, source in files for found in proofs_in(place, source))


def proofs_in(place: str, source: str) -> Iterator[Proof]:
    """Yield the tests of one module that name requirements, and the module itself if its `pytestmark` does."""
    tree = ast.parse(source)
    shared = [mark for node in tree.body if isinstance(node, ast.Assign) for mark in _module_marks(node)]
    names = frozenset(_name(mark) for mark in shared)
    if ids := _ids(shared):
        yield Proof(place, "", ids, names)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (ids := _ids(node.decorator_list)):
            yield Proof(place, node.name, ids, names | {_name(mark) for mark in node.decorator_list})


def _module_marks(node: ast.Assign) -> Sequence[ast.expr]:
    if [target.id for target in node.targets if isinstance(target, ast.Name)] != ["pytestmark"]:
        return ()
    return node.value.elts if isinstance(node.value, ast.List) else (node.value,)


def _ids(marks: Iterable[ast.expr]) -> tuple[str, ...]:
    told = [mark for mark in marks if isinstance(mark, ast.Call) and _name(mark) == MARK]
    return tuple(str(ast.literal_eval(word)) for mark in told for word in mark.args)


def _name(mark: ast.expr) -> str:
    mark = mark.func if isinstance(mark, ast.Call) else mark
    return mark.attr if isinstance(mark, ast.Attribute) else ""


def complaints(found: Sequence[Proof], chapters: Sequence[Chapter] = CHAPTERS) -> list[str]:
    """Return what is wrong: an id nobody knows, one that nothing holds, a test without the marker of its chapter."""
    rows = {row.id: (row, chapter) for chapter in chapters for row in chapter.rows}
    held = {known for proof in found for known in proof.ids}
    wrong = [f"{known}: no test holds it" for known, (row, _) in rows.items() if known not in held and not row.open]
    for proof in found:
        where = f"{proof.place} {proof.test}".strip()
        for known in proof.ids:
            marker = rows[known][1].marker if known in rows else ""
            if known not in rows:
                wrong.append(f"{where}: names {known}, which is no requirement")
            elif marker and marker not in proof.marks:
                wrong.append(f"{where}: holds {known} and does not bear the marker {marker}")
    return wrong


def page() -> str:
    """Return the page: every requirement with the tests that hold it."""
    found = proofs()
    return HEAD + "".join(_chapter(chapter, found) for chapter in CHAPTERS)


def _chapter(chapter: Chapter, found: Sequence[Proof]) -> str:
    rows = "".join(f"| {row.id} | {_promise(row)} | {_holders(row.id, found)} |\n" for row in chapter.rows)
    return f"\n## {chapter.title}\n\n| id | what must hold | held by |\n| --- | --- | --- |\n{rows}"


def _promise(row: Requirement) -> str:
    return f"{row.title}. **Open:** {row.open}" if row.open else row.title


def _holders(known: str, found: Sequence[Proof]) -> str:
    """Return the tests of a requirement, file by file."""
    mine = [proof for proof in found if known in proof.ids]
    return "<br>".join(_file(place, list(of_file)) for place, of_file in groupby(mine, key=lambda proof: proof.place))


def _file(place: str, found: Sequence[Proof]) -> str:
    link = f"[{place.removeprefix('tests/')}](../{place})"
    if not all(proof.test for proof in found):
        return link
    return f"{link}: {'; '.join(proof.test.removeprefix('test_').replace('_', ' ') for proof in found)}"
