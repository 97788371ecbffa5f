import ast

import pytest

from pf_jupyter.flow.python_source import count_tools, parse_python
from pf_jupyter.flow.snapshot import load
from pf_jupyter.flow.sources import inside_flow

NODE = """\
nodes:
- name: only
  type: {type}
  source: {{type: code, path: {path}}}
"""


def problem_of(write_flow, path, files=None, type="python"):
    (problem,) = load(write_flow(NODE.format(type=type, path=path), files)).problems
    return problem


def place(problem):
    return problem.code, problem.file, problem.line, problem.column


@pytest.mark.parametrize(
    "path",
    ["../x.py", "a/../../x.py", "/etc/passwd", "'C:\\x.py'", "C:/x.py", "//host/x.py"],
)
def test_a_path_that_leads_out_is_refused(write_flow, path):
    problem = problem_of(write_flow, path)
    assert place(problem) == ("path_outside_flow", "flow.dag.yaml", 4, 30)
    assert "additional_includes" in problem.hint


def test_paths_inside_are_brought_to_one_form():
    assert inside_flow("./a/../b.py") == "b.py"
    assert inside_flow("a//b.py") == "a/b.py"
    assert inside_flow("..a/b.py") == "..a/b.py"


def test_a_symbolic_link_that_leads_out_is_refused(write_flow, tmp_path):
    (tmp_path / "secret.py").write_text("x = 1")
    folder = write_flow(files={"summarise.py": None})
    (folder / "summarise.py").symlink_to(tmp_path / "secret.py")
    loaded = load(folder)
    assert [p.code for p in loaded.problems] == ["InvalidSource", "path_outside_flow"]
    assert loaded.problems[1].file == "summarise.py"
    assert all(file.path != "summarise.py" for file in loaded.snapshot.files)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("sumarise.py", "did you mean 'summarise.py'?"),
        ("'sub\\tool.py'", "write 'sub/tool.py'"),
        ("sub", "that is a folder: name the file in it"),
        ("nothing_like_it.py", ""),
    ],
)
def test_a_file_that_is_not_there(write_flow, path, hint):
    problem = problem_of(write_flow, path, {"sub/tool.py": ""})
    assert place(problem)[:3] == ("InvalidSource", "flow.dag.yaml", 4)
    assert problem.hint == hint
    assert problem.node == "only"


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("nodes:\n- {name: n, type: python}\n", 2, 3),
        ("nodes:\n- {name: n, type: python, source: {}}\n", 2, 27),
        ("nodes:\n- {name: n, type: python, source: {path: }}\n", 2, 27),
    ],
)
def test_a_node_without_a_source(write_flow, text, line, column):
    (problem,) = load(write_flow(text)).problems
    assert place(problem) == ("InvalidSource", "flow.dag.yaml", line, column)
    assert "path: n.py" in problem.hint


@pytest.mark.parametrize(
    ("source", "code", "column"),
    [
        ("tool.py", "wrong_type", 35),
        ("{type: cod, path: x}", "unknown_source_type", 42),
        ("{path: 5}", "wrong_type", 42),
        ("{type: package_with_prompt, path: x}", "unsupported_node_kind", 42),
        ("{type: package}", "PackageToolNotFoundError", 27),
    ],
)
def test_a_source_of_the_wrong_shape(write_flow, source, code, column):
    text = f"nodes:\n- {{name: n, type: python, source: {source}}}\n"
    (problem,) = load(write_flow(text)).problems
    assert place(problem) == (code, "flow.dag.yaml", 2, column)


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("def f(:\n  pass\n", 1, 7),
        ("x = 'open\n", 1, 5),
        (b"x = 1\ny = \x00\n", 2, 5),
    ],
)
def test_a_python_file_that_cannot_be_parsed(write_flow, source, line, column):
    problem = problem_of(write_flow, "t.py", {"t.py": source})
    assert place(problem) == ("PythonLoadError", "t.py", line, column)
    assert "SyntaxError" in problem.message


@pytest.mark.parametrize(
    "source", ["x = 1\n  y = 2\n", b"x = 1\ny = '\xff'\n", "(" * 5000, "-" * 500_000]
)
def test_python_files_that_python_versions_refuse_in_different_words(
    write_flow, source
):
    problem = problem_of(write_flow, "t.py", {"t.py": source})
    assert (problem.code, problem.file) == ("PythonLoadError", "t.py")
    assert problem.line >= 1
    assert problem.column >= 1


def test_syntax_of_a_newer_python_is_left_to_it(write_flow):
    folder = write_flow(NODE.format(type="python", path="t.py"), {"t.py": "x = = 1\n"})
    assert load(folder, python=(3, 9)).problems
    later = load(folder, python=(3, 99))
    assert later.problems == []
    assert later.warnings[0].code == "PythonLoadError"


def test_two_tools_in_one_file(write_flow):
    source = (
        "import promptflow.core\nfrom promptflow import tool as t\n"
        "@t\ndef one(): ...\n"
        "@promptflow.core.tool(name='x')\nasync def two(): ...\n"
    )
    problem = problem_of(write_flow, "t.py", {"t.py": source})
    assert place(problem) == ("MultipleToolsDefined", "t.py", 6, 1)
    assert "'one' and 'two'" in problem.message


def test_no_tool_in_a_file(write_flow):
    source = '"""Text."""\nimport json\nX = 5\ndef f(a):\n    return json.dumps(a)\n'
    problem = problem_of(write_flow, "t.py", {"t.py": source})
    assert place(problem) == ("NoToolDefined", "t.py", 1, 1)


IMPORT = "from promptflow.core import tool\n"


@pytest.mark.parametrize(
    ("source", "names", "exact"),
    [
        (IMPORT + "@tool\ndef f(): ...\n", ("f",), False),
        (IMPORT + "def f(): ...\nf = tool(f)\n", (), False),
        (IMPORT + "@tool\ndef f(): ...\ndel f\n", (), False),
        (IMPORT + "@tool\ndef f(): ...\nf = None\n", (), False),
        (IMPORT + "if 1:\n    @tool\n    def f(): ...\n", (), False),
        (IMPORT + "tool = 5\n@tool\ndef f(): ...\n", (), False),
        (IMPORT + "@other\n@tool\ndef f(): ...\n", (), False),
        ("from mine import tool\n@tool\ndef f(): ...\n", (), False),
        ("from .promptflow import tool\n@tool\ndef f(): ...\n", (), False),
        ("from helpers import *\n", (), False),
        ("from helpers import step\n@step\ndef f(): ...\n", (), False),
        ("import helpers\nf = helpers.make()\n", (), False),
        ("exec('x')\n", (), False),
        ("import promptflow\nf = promptflow.tool\n", (), False),
        ("", (), True),
        ("def f(): ...\nX = 5\n", (), True),
        ("import json\nfrom os import path\n", (), True),
        ("def f(a: int = 1, *, b: 'x' = None) -> str: ...\n", (), True),
        ("class A:\n    def f(self): ...\n", (), True),
        ("import json\nraise ValueError\n", (), False),
        ("import requests\n", (), False),
        ("from . import helpers\n", (), False),
        ("def f(a: DataFrame): ...\n", (), False),
        ("def f(a=1 / 0): ...\n", (), False),
        ("class A(Base): ...\n", (), False),
        ("X = [1, 2]\n", (), False),
    ],
)
def test_tools_are_counted_only_where_that_is_certain(source, names, exact):
    count = count_tools(ast.parse(source))
    assert (count.names, count.exact) == (names, exact)


def test_odd_escapes_in_a_source_warn_nobody():
    assert isinstance(parse_python(b"x = '\\d'\n"), ast.Module)


@pytest.mark.parametrize(
    ("template", "line", "column", "told"),
    [
        ("{{ a }\n", 1, 1, "unexpected '}'"),
        ("Hi\n  {% if a %}\n", 2, 3, "end of template"),
        ("a\n{{ x | nothing }}\n", 2, 1, "No filter named 'nothing'"),
        ("{% frob %}", 1, 1, "unknown tag 'frob'"),
        (b"a\nb \xff\n", 2, 3, "0xff"),
    ],
)
def test_a_template_that_cannot_be_parsed(write_flow, template, line, column, told):
    problem = problem_of(write_flow, "t.jinja2", {"t.jinja2": template}, "prompt")
    codes = {"No f": "TemplateAssertionError", "0xff": "not_utf8"}
    assert problem.code == codes.get(told[:4], "TemplateSyntaxError")
    assert place(problem)[1:] == ("t.jinja2", line, column)
    assert told.lower() in problem.message.lower()


def test_a_deeply_nested_template_is_a_problem_and_no_crash(write_flow):
    text = "{{ " + "(" * 20_000 + " }}"
    problem = problem_of(write_flow, "t.jinja2", {"t.jinja2": text}, "prompt")
    assert problem.code == "TemplateSyntaxError"
