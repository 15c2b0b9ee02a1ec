"""The rules of the house as tests: sizes, one commit, one clock, imports, docstrings, no text run as code."""

import ast

import pytest

from tree import Module, calls, dotted, functions, imports, modules

MODULE_LINES, FUNCTION_LINES, SHORT_FUNCTION, SHORT_SHARE = 300, 50, 25, 0.9
CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns")
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_IMPORTS = {"pickle", "marshal", "shelve", "dill", "xml.etree", "xml.dom", "xml.sax"}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
KNOWS_ENGINE = (
    "service.core.engine",
    "service.core.definitions",
    "service.core.determinism",
    "service.core.expressions",
    "service.core.gate.reading",  # asks the engine's own reader, last of all questions
)
PARSERS = {"parse", "fromstring", "XML", "iterparse"}


def own(module: Module) -> bool:
    return ".migrations." not in module.name


def places(found):
    return [module.at(node) for module, node in found]


def test_no_module_is_over_the_line():
    assert [f"{m.path}: {n}" for m in modules() if own(m) and (n := m.text.count("\n")) > MODULE_LINES] == []


def test_no_function_is_over_the_line():
    lengths = {m.at(f): f.end_lineno - f.lineno + 1 for m in modules() if own(m) for f in functions(m.tree)}
    assert {where: length for where, length in lengths.items() if length > FUNCTION_LINES} == {}
    short = sum(length <= SHORT_FUNCTION for length in lengths.values())
    assert short >= SHORT_SHARE * len(lengths)


def test_one_place_commits():
    assert len(places((m, node) for m in modules() for node, name in calls(m.tree) if name.endswith(".commit"))) == 1


def test_one_place_reads_the_clock():
    reads = [(m, node) for m in modules() for node in ast.walk(m.tree) if clock_read(node)]
    assert [m.name for m, _ in reads] == ["service.app"], places(reads)


def clock_read(node):
    """A mention is a read: ``datetime.now`` may be handed on without being called."""
    if not isinstance(node, ast.Attribute):
        return False
    owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    return f"{owner}.{node.attr}" in CLOCKS


def test_nobody_asks_the_database_for_the_time():
    asked = [(m, node) for m in modules() for node, name in calls(m.tree) if name in {"func.now", "sa.func.now"}]
    assert places(asked) == []


def test_imports_stand_at_the_top():
    inside = [(m, node) for m in modules() for f in functions(m.tree) for node, _ in imports(f)]
    assert places(inside) == []


def test_nothing_runs_text_as_code():
    run = [(m, node) for m in modules() for node, name in calls(m.tree) if name in RUNS_TEXT]
    assert places(run) == []


def test_nothing_is_read_by_a_reader_that_runs_or_fetches():
    read = [
        (m, node)
        for m in modules()
        for node, name in imports(m.tree)
        if any(name == bad or name.startswith(f"{bad}.") for bad in FORBIDDEN_IMPORTS)
    ]
    assert places(read) == []


def test_xml_is_read_with_a_parser_that_was_chosen():
    bare = [
        (m, node)
        for m in modules()
        for node, name in calls(m.tree)
        if "etree." in name
        and name.rsplit(".", 1)[-1] in PARSERS
        and len(node.args) < 2
        and not any(keyword.arg == "parser" for keyword in node.keywords)
    ]
    assert places(bare) == []


def test_yaml_is_read_safely():
    readers = ("yaml.load", "yaml.unsafe_load", "yaml.full_load")
    unsafe = [(m, node) for m in modules() for node, name in calls(m.tree) if name in readers and not safe(m, node)]
    assert places(unsafe) == []


def safe(module, call):
    """Whether a loader of this module is given that is built on the safe one."""
    given = {k.value.id for k in call.keywords if k.arg == "Loader" and isinstance(k.value, ast.Name)}
    classes = (node for node in module.tree.body if isinstance(node, ast.ClassDef) and node.name in given)
    return any({"yaml.SafeLoader", "yaml.CSafeLoader"} & {dotted(base) for base in node.bases} for node in classes)


def test_only_the_engine_rooms_import_spiffworkflow():
    outside = [
        (m, node)
        for m in modules()
        for node, name in imports(m.tree)
        if name.split(".")[0] == "SpiffWorkflow" and not m.name.startswith(KNOWS_ENGINE)
    ]
    assert places(outside) == []


def test_modules_are_called_after_what_they_hold():
    assert [m.path for m in modules() if m.name.rsplit(".", 1)[-1] in FORBIDDEN_NAMES] == []


def test_every_module_promises_something():
    assert [m.path for m in modules() if not ast.get_docstring(m.tree)] == []


def test_every_public_name_is_documented():
    bare = [
        f"{m.at(node)} {node.name}"
        for m in modules()
        if own(m)
        for node in public(m.tree)
        if not ast.get_docstring(node)
    ]
    assert bare == []


def public(scope):
    """Walk the public names of a module, and those of its public classes."""
    for node in scope.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


@pytest.mark.parametrize("mark", ["TODO", "FIXME", "XXX", "HACK"])
def test_nothing_is_left_for_later(mark):
    assert [m.path for m in modules() if mark in m.text] == []


def test_only_the_command_line_prints():
    printed = [
        (m, node) for m in modules() for node, name in calls(m.tree) if name == "print" and m.name != "service.cli"
    ]
    assert places(printed) == []
