"""Tidy: the rules of the house that can be read off its source, each with a culprit that it must find."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "qt_ray"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py"))

FILE_LINES_MAX = 400
FILE_LINES_MEDIAN = 200
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN = 10

BANNED_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "manager",
    "service",
    "handler",
    "misc",
}
WALL_CLOCK = {
    "time": {
        "time",
        "time_ns",
        "monotonic",
        "monotonic_ns",
        "perf_counter",
        "perf_counter_ns",
        "localtime",
        "gmtime",
    },
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
BROAD = {"Exception", "BaseException"}
CLOCK = PACKAGE / "adapters" / "clock.py"
MACHINE_PATH = re.compile(r"""["'\s(](/(?:home|root|work|tmp|Users|mnt|opt)/|[A-Z]:\\\\)""")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
IGNORE = re.compile(r"#\s*(?:type:\s*ignore(?!\[)|noqa(?!:))")
CONFLICT = re.compile(r"^(<<<<<<<|>>>>>>>)", re.MULTILINE)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Check = Callable[[Path, str, ast.Module], Iterator[str]]


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def function_lines(function: Function) -> int:
    """Count the lines from `def` to the end, without the docstring."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    has_docstring = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return total - ((first.end_lineno or first.lineno) - first.lineno + 1 if has_docstring else 0)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def a_module_states_its_law(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    if not (ast.get_docstring(tree) or "").strip():
        yield "has no docstring"


def a_file_is_short(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    lines = source.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"has {lines} lines, at most {FILE_LINES_MAX}"


def a_function_is_short(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    for function in functions(tree):
        lines = function_lines(function)
        if lines > FUNCTION_LINES_MAX:
            yield f"{function.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def a_module_is_a_domain_noun(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    for part in (*path.relative_to(PACKAGE).parts[:-1], path.stem):
        words = set(part.lower().split("_"))
        if words & BANNED_NAMES or re.search(r"(^|_)v\d+$", part):
            yield f"{part} is no domain noun"


def only_the_cli_prints(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    if path.is_relative_to(PACKAGE / "cli"):
        return
    for call in calls(tree):
        if isinstance(call.func, ast.Name) and call.func.id in {"print", "pprint", "breakpoint", "input"}:
            yield f"line {call.lineno}: {call.func.id}"


def nothing_is_caught_broadly(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        caught: Sequence[ast.expr | None]
        if isinstance(node, ast.Call) and _last_name(node.func) == "suppress":
            caught = node.args
        elif isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        else:
            continue
        if any(kind is None or _last_name(kind) in BROAD for kind in caught):
            yield f"line {node.lineno}: catches all"


def only_the_clock_asks_for_the_time(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    if path == CLOCK:
        return
    for node in ast.walk(tree):
        taken = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
        if taken & WALL_CLOCK["time"] and isinstance(node, ast.ImportFrom) and node.module == "time":
            yield f"line {node.lineno}: from time import"
        if isinstance(node, ast.Attribute) and node.attr in WALL_CLOCK.get(_last_name(node.value), set()):
            yield f"line {node.lineno}: {_last_name(node.value)}.{node.attr}"


def nothing_is_left_unfinished(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    for at, line in enumerate(source.splitlines(), 1):
        if UNFINISHED.search(line):
            yield f"line {at}: unfinished"
        if IGNORE.search(line):
            yield f"line {at}: silences a checker without naming the rule"
    if CONFLICT.search(source):
        yield "holds a merge conflict"


def no_body_is_a_stub(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    protocols = {
        id(item)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(_last_name(base) == "Protocol" for base in map(_bare, node.bases))
        for item in node.body
    }
    for function in functions(tree):
        is_abstract = any(_last_name(mark) in {"overload", "abstractmethod"} for mark in function.decorator_list)
        empty = all(map(_is_nothing, function.body[bool(ast.get_docstring(function)) :] or [function]))
        if empty and id(function) not in protocols and not is_abstract:
            yield f"{function.name} does nothing"


def no_path_is_of_one_machine(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    for at, line in enumerate(source.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"line {at}: a path of one machine"


def every_public_name_is_typed(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    for function in functions(tree):
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        untyped = [a.arg for a in arguments if a.annotation is None and a.arg not in {"self", "cls"}]
        if untyped or function.returns is None:
            yield f"{function.name} is not fully typed"


def no_default_is_shared(path: Path, source: str, tree: ast.Module) -> Iterator[str]:
    for function in functions(tree):
        for default in (*function.args.defaults, *function.args.kw_defaults):
            if isinstance(default, ast.List | ast.Dict | ast.Set):
                yield f"{function.name} shares a mutable default"


CHECKS: tuple[Check, ...] = (
    a_module_states_its_law,
    a_file_is_short,
    a_function_is_short,
    a_module_is_a_domain_noun,
    only_the_cli_prints,
    nothing_is_caught_broadly,
    only_the_clock_asks_for_the_time,
    nothing_is_left_unfinished,
    no_body_is_a_stub,
    no_path_is_of_one_machine,
    every_public_name_is_typed,
    no_default_is_shared,
)


def _is_nothing(statement: ast.stmt) -> bool:
    is_ellipsis = isinstance(statement, ast.Expr) and ast.unparse(statement) == "..."
    return is_ellipsis or isinstance(statement, ast.Pass)


def _bare(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Subscript) else node


def _last_name(node: ast.expr | None) -> str:
    if isinstance(node, ast.Call):
        return _last_name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def complaints(check: Check, path: Path, source: str) -> list[str]:
    return list(check(path, source, ast.parse(source)))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_house_is_tidy(check: Check) -> None:
    found = {
        str(path.relative_to(ROOT)): said
        for path in SOURCES
        if (said := complaints(check, path, path.read_text("utf-8")))
    }
    assert found == {}


def test_there_is_a_house_to_look_at() -> None:
    assert len(SOURCES) > 20


def test_files_and_functions_are_short_on_the_whole() -> None:
    texts = {path: path.read_text("utf-8") for path in SOURCES if path.name != "__init__.py"}
    bodies = [function_lines(f) for text in texts.values() for f in functions(ast.parse(text))]
    assert median(text.count("\n") for text in texts.values()) <= FILE_LINES_MEDIAN
    assert median(bodies) <= FUNCTION_LINES_MEDIAN


LONG_BODY = "def f() -> int:\n" + "    x = 1\n" * 61
CULPRITS: list[tuple[Check, str, str]] = [
    (a_module_states_its_law, "core/x.py", "x = 1\n"),
    (a_module_states_its_law, "core/x.py", '"""  """\n'),
    (a_file_is_short, "core/x.py", "x = 1\n" * 401),
    (a_function_is_short, "core/x.py", LONG_BODY),
    (a_module_is_a_domain_noun, "core/utils.py", ""),
    (a_module_is_a_domain_noun, "core/order_manager.py", ""),
    (a_module_is_a_domain_noun, "common/orders.py", ""),
    (a_module_is_a_domain_noun, "core/guard_v2.py", ""),
    (only_the_cli_prints, "core/x.py", "print(1)\n"),
    (only_the_cli_prints, "core/x.py", "breakpoint()\n"),
    (nothing_is_caught_broadly, "core/x.py", "try:\n    pass\nexcept:\n    pass\n"),
    (nothing_is_caught_broadly, "core/x.py", "try:\n    pass\nexcept Exception:\n    pass\n"),
    (
        nothing_is_caught_broadly,
        "core/x.py",
        "try:\n    pass\nexcept (ValueError, BaseException):\n    pass\n",
    ),
    (nothing_is_caught_broadly, "core/x.py", "with contextlib.suppress(Exception):\n    pass\n"),
    (only_the_clock_asks_for_the_time, "core/x.py", "import time\nx = time.time()\n"),
    (only_the_clock_asks_for_the_time, "core/x.py", "from time import monotonic\n"),
    (only_the_clock_asks_for_the_time, "adapters/x.py", "import datetime\nx = datetime.datetime.now()\n"),
    (only_the_clock_asks_for_the_time, "cli/x.py", "f = datetime.utcnow\n"),
    (only_the_clock_asks_for_the_time, "cli/x.py", "d = date.today()\n"),
    (nothing_is_left_unfinished, "core/x.py", "# TODO: later\n"),
    (nothing_is_left_unfinished, "core/x.py", "raise NotImplementedError\n"),
    (nothing_is_left_unfinished, "core/x.py", "x = 1  # noqa\n"),
    (nothing_is_left_unfinished, "core/x.py", "x = 1  # type: ignore\n"),
    (nothing_is_left_unfinished, "core/x.py", 'x = """\n<<<<<<< mine\n"""\n'),
    (no_body_is_a_stub, "core/x.py", 'def f() -> None:\n    """Do it."""\n    ...\n'),
    (no_body_is_a_stub, "core/x.py", "def f() -> None: ...\n"),
    (no_body_is_a_stub, "core/x.py", "class A:\n    def f(self) -> None:\n        pass\n"),
    (no_path_is_of_one_machine, "core/x.py", 'x = "/home/me/data"\n'),
    (no_path_is_of_one_machine, "core/x.py", "# see /tmp/x\n"),
    (every_public_name_is_typed, "core/x.py", "def f(x) -> int:\n    return x\n"),
    (every_public_name_is_typed, "core/x.py", "def f(x: int):\n    return x\n"),
    (no_default_is_shared, "core/x.py", "def f(x: list[int] = []) -> int:\n    return 1\n"),
]


@pytest.mark.parametrize(("check", "name", "source"), CULPRITS)
def test_every_check_finds_its_culprit(check: Check, name: str, source: str) -> None:
    assert complaints(check, PACKAGE / name, source)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_check_has_a_culprit(check: Check) -> None:
    assert any(check is known for known, _, _ in CULPRITS)


INNOCENT = '''"""Law: clean.

It ends on time, and todo lists are for people."""

from typing import Protocol


class Port(Protocol):
    def ask(self, x: int) -> int: ...


def f(now_ms: int) -> int:
    """Add one."""
    try:
        return now_ms + 1
    except (OverflowError, ValueError):
        return 0
'''


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_no_check_accuses_the_innocent(check: Check) -> None:
    assert complaints(check, PACKAGE / "core" / "orders.py", INNOCENT) == []


@pytest.mark.parametrize(
    ("check", "name", "source"),
    [
        (only_the_cli_prints, "cli/x.py", "print(1)\n"),
        (only_the_clock_asks_for_the_time, "adapters/clock.py", "import time\nx = time.time_ns()\n"),
        (
            a_function_is_short,
            "core/x.py",
            'def f() -> int:\n    """' + "x\n" * 80 + '    """\n    return 1\n',
        ),
    ],
)
def test_a_rule_has_its_own_place_of_exception(check: Check, name: str, source: str) -> None:
    assert complaints(check, PACKAGE / name, source) == []
