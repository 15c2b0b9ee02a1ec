"""Nothing in the service runs a text as code, loads what runs code, or reads XML with a parser nobody chose.

The trees of the modules are read, not their texts; each rule is first shown to catch what it is for.
"""

import ast

import pytest

from tree import SERVICE, calls, dotted, imports, modules

RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
LOADS_CODE = ("pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "SpiffWorkflow.serializer.dict")
READERS = {"parse", "fromstring", "fromstringlist", "XML", "HTML", "XMLID", "iterparse"}


def runs_text(tree):
    """Where a builtin that runs text is named: called, handed on, or taken from builtins."""
    for node in ast.walk(tree):
        named = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
        owner = dotted(node.value) if isinstance(node, ast.Attribute) else "builtins"
        if named in RUNS_TEXT and owner in {"builtins", "__builtins__"}:
            yield node
    for node, name in calls(tree):
        if name == "getattr" and any(isinstance(a, ast.Constant) and a.value in RUNS_TEXT for a in node.args):
            yield node


def loads_code(tree):
    for node, name in imports(tree):
        names = [name, *(f"{name}.{a.name}" for a in node.names if isinstance(node, ast.ImportFrom))]
        if any(n == bad or n.startswith(f"{bad}.") for n in names for bad in LOADS_CODE):
            yield node
    yield from (node for node, name in calls(tree) if name.endswith("import_module"))


def without_an_engine(tree):
    """A workflow made without saying what works out its expressions."""
    for node, name in calls(tree):
        if name.rsplit(".", 1)[-1] == "BpmnWorkflow":
            given = [k.value for k in node.keywords if k.arg == "script_engine"] + node.args[2:3]
            if not given or (isinstance(given[0], ast.Constant) and given[0].value is None):
                yield node


def without_a_parser(tree):
    """XML read by lxml's process-wide parser, under whatever name lxml goes here."""
    known = {"etree", "lxml.etree"} | {
        alias.asname or alias.name
        for node, name in imports(tree)
        for alias in node.names
        if name in {"lxml", "lxml.etree"}
    }
    taken = {
        alias.asname or alias.name: alias.name
        for node, name in imports(tree)
        for alias in node.names
        if name == "lxml.etree" and isinstance(node, ast.ImportFrom)
    }
    for node, name in calls(tree):
        owner, _, last = name.rpartition(".")
        last = last if owner else taken.get(last, "")
        if last in READERS and (owner in known or not owner):
            given = [k.value for k in node.keywords if k.arg == "parser"] + node.args[1:2]
            chosen = given and not (isinstance(given[0], ast.Constant) and given[0].value is None)
            if not chosen or last == "iterparse":  # which takes no parser at all
                yield node
        if last == "set_default_parser":
            yield node


RULES = {
    runs_text: ["eval('1')", "run = exec", "builtins.compile(a, b, c)", "__import__('os')", "getattr(b, 'eval')"],
    loads_code: ["import pickle", "from pickle import loads", "import SpiffWorkflow.serializer.dict",
                 "from SpiffWorkflow.serializer import dict", "import_module(name)", "importlib.import_module(name)"],
    without_an_engine: ["BpmnWorkflow(spec)", "bpmn.BpmnWorkflow(spec, {}, script_engine=None)", "BpmnWorkflow(s, t)"],
    without_a_parser: ["etree.parse(f)", "etree.fromstring(t)", "etree.XML(t, None)", "etree.iterparse(f)",
                       "from lxml.etree import fromstring as read\nread(t)",
                       "from lxml.etree import fromstring\nfromstring(t)", "etree.fromstring(t, parser=None)",
                       "from lxml import etree as E\nE.fromstring(t)", "etree.set_default_parser(p)"],
}  # fmt: skip
FINE = [
    "re.compile('a')", "ast.parse(t)", "etree.fromstring(t, parser())", "etree.parse(f, parser=p)", "json.loads(t)",
    "BpmnWorkflow(spec, {}, script_engine=engine)", "literal_eval(t)", "import SpiffWorkflow.bpmn.serializer",
    "session.execute(q)",
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_nowhere_in_the_service(rule):
    assert [module.at(node) for module in modules() for node in rule(module.tree)] == []


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in RULES.items() for text in texts])
def test_the_rule_catches_it(rule, text):
    assert list(rule(ast.parse(text)))


@pytest.mark.parametrize("text", FINE)
def test_what_is_fine_is_let_through(text):
    assert not any(list(rule(ast.parse(text))) for rule in RULES)


def test_every_module_is_read():
    written = {path for path in SERVICE.rglob("*.py") if path.read_text().strip() and "node_modules" not in path.parts}
    assert len(modules()) == len(written)
