"""The rooms of docs/architecture.md against the imports that are really there."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .tree import PACKAGE, ROOT, Import, imports, modules, room

# Lowest first. A room may use its own layer's neighbours named in ASIDE, and below.
LAYERS = [
    {"errors"},
    {"flow"},
    {"worker"},
    {"home"},
    {"environments", "engines", "store"},
    {"connections"},
    {"runs", "runtimes", "access"},
    {"workspace"},
    {"commands"},
    {"kernel", "widgets", "server", "cli", "standin"},
]
ASIDE = {
    ("environments", "engines"),  # an environment becomes an image of an engine
    ("runs", "runtimes"),  # a run happens in a runtime
    ("cli", "kernel"),
    ("kernel", "widgets"),  # a magic without a verb opens its panel
    ("cli", "server"),  # `jupyter pf server` is the server
}
FACES = {"commands", "kernel", "widgets", "server", "cli", "standin"}
FACES_MAY_USE = ("pf_jupyter.workspace.api", "pf_jupyter.errors", "pf_jupyter.flow")
# What travels between a server and those that ask it, and what it adds to a workspace.
SERVER_MAY_USE = tuple(
    f"pf_jupyter.workspace.{name}"
    for name in (
        *("parcels", "remote_batch_wire", "remote_judging", "remote_routes"),
        *("remote_wire", "serving"),
    )
)
POSIX_ONLY = {
    *("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"),
}
ONLY_WHEN_NEEDED = {"jinja2", "openai", "opentelemetry", "ruamel", "tiktoken"}
BUILT_IN_TOOLS = PACKAGE / "worker" / "compat" / "promptflow" / "tools"
FORK_NAMES = {"fork", "forkpty", "setsid", "setuid", "killpg", "getuid", "WNOHANG"}


def _layer(name: str) -> int:
    found = [n for n, layer in enumerate(LAYERS) if name in layer]
    assert found, f"{name} is a room that docs/architecture.md does not know"
    return found[0]


def _ours(found: Import) -> str | None:
    """The room that is imported, or None for anything outside the package."""
    parts = found.module.split(".")
    if parts[0] != "pf_jupyter" or len(parts) < 2:
        return None
    target = PACKAGE / parts[1]
    is_room = target.is_dir() or target.with_suffix(".py").is_file()
    return parts[1] if is_room else None


def _package_imports(*, typing_too: bool = False) -> Iterator[Import]:
    for path in modules():
        if path != PACKAGE / "__init__.py":
            for found in imports(path):
                if typing_too or not found.typing_only:
                    yield found


def _uses(found: Import, *names: str) -> bool:
    return any(found.module == n or found.module.startswith(n + ".") for n in names)


def test_no_room_uses_one_above_it():
    wrong = []
    for found in _package_imports(typing_too=True):
        here, there = room(found.file), _ours(found)
        if there is None or there == here or (here, there) in ASIDE:
            continue
        if _layer(there) >= _layer(here):
            wrong.append(f"{found.where} {here}/ must not use {found.module}")
    assert not wrong, "\n".join(wrong)


def test_faces_speak_to_the_workspace_interface_alone():
    wrong = []
    for found in _package_imports(typing_too=True):
        here, there = room(found.file), _ours(found)
        if here not in FACES or there is None or there in FACES:
            continue
        more = SERVER_MAY_USE if here == "server" else ()
        if not _uses(found, *FACES_MAY_USE, *more):
            wrong.append(f"{found.where} {found.module}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("docker", {"engines/docker.py"}),
        ("sqlalchemy", {"store/"}),
        ("alembic", {"store/"}),
        ("psycopg", {"store/postgresql.py"}),
        ("IPython", {"kernel/"}),
        ("anywidget", {"widgets/"}),
        ("ipywidgets", {"widgets/"}),
        ("tornado", {"server/"}),
        ("jupyter_server", {"server/"}),
        ("ruamel", {"flow/", "worker/execution/references.py"}),
        ("cryptography", {"connections/"}),
        ("keyring", {"connections/"}),
    ],
)
def test_a_library_stays_in_its_room(library, allowed):
    wrong = []
    for found in _package_imports():
        place = found.file.relative_to(PACKAGE).as_posix()
        if _uses(found, library) and not any(
            place == name or (name.endswith("/") and place.startswith(name))
            for name in allowed
        ):
            wrong.append(found.where)
    assert not wrong, f"{library} belongs to {allowed}: " + ", ".join(wrong)


def _module_file(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _carried() -> list[Path]:
    """What goes into containers: the worker and everything of ours that it imports."""
    found: set[Path] = set()
    waiting = [path for path in modules() if path.is_relative_to(PACKAGE / "worker")]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for one in imports(path):
            if not _uses(one, "pf_jupyter") or one.typing_only:
                continue
            # ``from .model import Flow`` names a module or something in it.
            outer = one.module.rpartition(".")[0]
            file = _module_file(one.module) or _module_file(outer)
            assert file, f"{one.where} {one.module}"
            waiting.append(file)
    return sorted(found)


@pytest.mark.parametrize(
    "path", _carried(), ids=lambda path: path.relative_to(PACKAGE).as_posix()
)
def test_what_goes_into_containers_is_plain_python_3_9(path):
    ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))
    for found in imports(path):
        top = found.module.split(".")[0]
        if found.typing_only or top in {"pf_jupyter", *sys.stdlib_module_names}:
            continue
        if top == "promptflow":
            assert path.is_relative_to(PACKAGE / "worker"), found.where
        elif top in ("dask", "distributed"):
            assert path.is_relative_to(PACKAGE / "worker" / "cluster"), found.where
            assert found.lazy, f"{found.where} import it in the function"
        elif top in ONLY_WHEN_NEEDED:
            # what is below tools/ is itself imported only for the flows that use it
            loaded_late = path.is_relative_to(BUILT_IN_TOOLS)
            assert found.lazy or loaded_late, f"{found.where} import it in the function"
        else:
            pytest.fail(f"{found.where} a bare container has no {found.module}")


def test_nothing_of_the_host_side_goes_into_containers():
    rooms = {room(path) for path in _carried()}
    assert rooms == {"worker", "flow", "errors"}


def test_the_host_side_is_portable():
    """No POSIX-only module or call outside worker/ and engines/process.py."""
    wrong = []
    for path in modules():
        if path.is_relative_to(PACKAGE / "worker"):
            continue
        if path == PACKAGE / "engines" / "process.py":
            continue
        for found in imports(path):
            if found.module.split(".")[0] in POSIX_ONLY and not found.lazy:
                wrong.append(f"{found.where} imports {found.module}")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "os"
                and node.attr in FORK_NAMES
            ):
                wrong.append(f"{path.name}:{node.lineno} uses os.{node.attr}")
    assert not wrong, "\n".join(wrong)


def test_importing_the_package_loads_nothing_heavy():
    """Every kernel and every server imports it."""
    code = (
        "import sys; before = set(sys.modules); import pf_jupyter; "
        "print('\\n'.join(set(sys.modules) - before))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    foreign = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert foreign == {"pf_jupyter"}
    assert [name for name in loaded if name.startswith("pf_jupyter.")] == []


def test_every_package_folder_has_an_init():
    flows = {PACKAGE / "worker" / "rehearsal"}  # a folder of files, as any flow is
    folders = {path.parent for path in modules()} - flows
    bare = sorted(str(p) for p in folders if not (p / "__init__.py").is_file())
    assert not bare, "hatchling would ship these, import would treat them as namespaces"
