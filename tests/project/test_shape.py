"""Sizes, names, versions, dependencies: what keeps the project easy to enter."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import pf_jupyter

from .tree import PACKAGE, ROOT, files, imports, modules, pyproject

MOST_LINES = 400
LONGER: dict[str, str] = {
    # module → why it may be longer
}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
DEPENDENCIES = {
    "alembic": "alembic",
    "anywidget": "anywidget",
    "cryptography": "cryptography",
    "docker": "docker",
    "filelock": "filelock",
    "ipykernel": "ipykernel",
    "ipython": "IPython",
    "ipywidgets": "ipywidgets",
    "jinja2": "jinja2",
    "jupyter-core": "jupyter_core",
    "jupyter-server": "jupyter_server",
    "openai": "openai",
    "packaging": "packaging",
    "pydantic": "pydantic",
    "ruamel.yaml": "ruamel",
    "sqlalchemy": "sqlalchemy",
    "uv": "uv",
}
OPTIONAL = {
    "dask",
    "distributed",
    "keyring",  # an extra: a better place for the key, where there is one
    "pandas",  # an extra: results of batches as tables
    "psycopg",  # an extra: records in PostgreSQL
    "pyarrow",  # an extra: parquet files
}
NOT_IMPORTED = {
    "ipykernel",  # the kernel that the magics live in
    "ipywidgets",  # what anywidget's panels are; named for its version
}


def test_modules_stay_short():
    long = {}
    for path in modules():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        name = path.relative_to(PACKAGE).as_posix()
        if lines > MOST_LINES and name not in LONGER:
            long[name] = lines
    assert not long, f"over {MOST_LINES} lines, split them or say why: {long}"


def test_names_say_what_a_module_is():
    # Names below compat/ are those of the package that public flows import.
    vague = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.stem in EMPTY_NAMES and "compat" not in path.parts
    ]
    assert not vague


def test_versions_agree():
    version = pyproject()["project"]["version"]
    assert pf_jupyter.__version__ == version
    assert version in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def _requirement_name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found
    return found.group().lower()


def test_the_dependency_list_is_what_we_decided():
    """A new dependency is a decision: it is added here and in pyproject.toml."""
    declared = {_requirement_name(r) for r in pyproject()["project"]["dependencies"]}
    assert declared == set(DEPENDENCIES)


def test_each_dependency_is_used_and_nothing_else_is():
    used = set()
    for path in modules():
        if path.is_relative_to(PACKAGE / "worker" / "compat"):
            continue
        for found in imports(path):
            top = found.module.split(".")[0]
            if top in sys.stdlib_module_names or top in {"pf_jupyter", "promptflow"}:
                continue
            if not found.typing_only:
                used.add(top)
    # What a declared dependency itself always brings may be imported.
    brought = {"traitlets", "requests", "tornado", "urllib3"}
    assert used - brought - OPTIONAL <= set(DEPENDENCIES.values())
    unused = set(DEPENDENCIES.values()) - used - NOT_IMPORTED
    assert not unused, f"declared and never imported: {unused}"


def test_the_published_package_is_never_a_dependency():
    project = pyproject()["project"]
    listed = [
        *project["dependencies"],
        *(r for extra in project["optional-dependencies"].values() for r in extra),
    ]
    assert not [r for r in listed if _requirement_name(r).startswith("promptflow")]


def test_public_names():
    assert pf_jupyter.__all__ == ["Workspace", "__version__", "connect"]
    assert dir(pf_jupyter) == sorted(pf_jupyter.__all__)
    assert callable(pf_jupyter.connect)
    api = importlib.import_module("pf_jupyter.workspace.api")
    assert pf_jupyter.Workspace is api.Workspace
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pf_jupyter.nothing  # noqa: B018


def test_entry_points_lead_somewhere():
    project = pyproject()["project"]
    targets = [
        *project["scripts"].values(),
        *project["entry-points"]["pf_jupyter.engines"].values(),
    ]
    for target in targets:
        module, _, name = target.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def _texts() -> list[tuple[Path, str]]:
    found = []
    for path in files():
        try:
            found.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def _registry_hosts() -> set[str]:
    from pip._internal.configuration import Configuration
    from pip._internal.models.index import PyPI

    hosts = {PyPI.netloc, PyPI.file_storage_domain}
    configuration = Configuration(isolated=False)
    configuration.load()
    for _, values in configuration.items():
        flat = values.items() if isinstance(values, dict) else [(_, values)]
        for key, value in flat:
            if "index" in key and isinstance(value, str):
                hosts |= {urlsplit(url).hostname or "" for url in value.split()}
    return {host for host in hosts if host and host not in {"localhost", "127.0.0.1"}}


def test_nothing_names_a_package_registry():
    """Where packages come from is the business of whoever installs."""
    hosts = _registry_hosts()
    assert hosts
    named = [
        f"{path.relative_to(ROOT)} names {host}"
        for path, text in _texts()
        for host in hosts
        if host in text
    ]
    assert not named, "\n".join(named)


def test_nothing_names_the_machine_it_was_written_on():
    places = {str(ROOT), sys.prefix, str(Path.home() / ".")}
    places = {place for place in places if len(Path(place).parts) > 2}
    named = [
        f"{path.relative_to(ROOT)} names {place}"
        for path, text in _texts()
        for place in places
        if place in text
    ]
    assert not named, "\n".join(named)


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
    ],
    ids=" ".join,
)
def test_linters_are_content(command):
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
