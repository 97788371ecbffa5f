"""What the documents promise is there: commands, links, files."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

from .tree import PACKAGE, ROOT, files, modules

DOCUMENTS = [path for path in files() if path.suffix == ".md"]
REPORTING = {"Problem", "Issue", "problem", "warning", "report", "refuse"}
CODE = re.compile(r"[a-z]+(_[a-z]+)*$|[A-Z][a-z]+([A-Z][a-z]+)+$")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
COMMANDS = ["pip install . && jupyter pf demo", 'pip install ".[test]" && pytest']


def test_the_readme_begins_with_the_two_commands():
    first_screen = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40]
    for command in COMMANDS:
        assert command in [line.strip() for line in first_screen]


def test_ci_calls_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    install, test = COMMANDS[1].split(" && ")
    assert f"{install.split()[-1]}\n" in script
    assert re.search(rf"^{test} ", script, re.MULTILINE)


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_links_lead_somewhere(document: Path):
    broken = []
    for target in LINK.findall(document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        place = (document.parent / target.split("#")[0]).resolve()
        if not place.exists() or not place.is_relative_to(ROOT):
            broken.append(target)
    assert not broken


def test_each_page_is_in_the_table_of_contents():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    missing = {page for page in pages if not re.search(rf"^{page}$", index, re.M)}
    assert not missing


def _codes() -> dict[str, str]:
    """Every code that is written in the package, with a place where it is."""
    found = {}
    for path in modules():
        if path.is_relative_to(PACKAGE / "worker" / "compat"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            values: list[ast.expr] = []
            if isinstance(node, ast.Call):
                values = [k.value for k in node.keywords if k.arg == "code"]
                if ast.unparse(node.func).split(".")[-1] in REPORTING:
                    values += node.args[:2]
            elif isinstance(node, ast.ClassDef):
                values = [
                    statement.value
                    for statement in node.body
                    if isinstance(statement, ast.Assign)
                    and ast.unparse(statement.targets[0]) == "code"
                ]
            for value in values:
                if isinstance(value, ast.Constant) and CODE.match(str(value.value)):
                    found[value.value] = f"{path.name}:{value.lineno}"
    return found


def test_every_error_code_is_explained():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    codes = _codes()
    assert {"unreachable", "not_found", "flow_invalid"} <= set(codes)
    base = {"error"}
    missing = [
        f"{code} ({where})"
        for code, where in sorted(codes.items())
        if code not in base and f"`{code}`" not in page
    ]
    assert not missing
