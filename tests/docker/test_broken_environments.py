"""Environments that cannot be: each ends with phase, cause and hint, leaving nothing.

A runtime is in use all the while, and must not notice.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.errors import PfError
from pf_jupyter.workspace.local import LocalWorkspace

from .conftest import clear, open_workspace
from .environment_places import INSTALL, definition, remains, wheel
from .registry import Registry, running_registry

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]


@pytest.fixture
def name() -> str:
    """A name that no other environment on this engine has."""
    return f"broken-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def in_use(docker_host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A runtime that somebody works in."""
    workspace = open_workspace(tmp_path_factory.mktemp("in-use"), docker_host)
    runtime = workspace.runtimes.create(f"steady-{uuid.uuid4().hex[:8]}")
    yield runtime
    clear(workspace)
    workspace.close()


@pytest.fixture(autouse=True)
def nothing_left(in_use: Any, client: Any, name: str, home: Path) -> Iterator[None]:
    """What was broken leaves nothing, and the runtime in use is untouched."""
    container = in_use.to_dict()["container_id"]
    before = client.inspect_container(container)["State"]
    nothing = {"containers": [], "images": [], "files": []}
    assert remains(client, name, home) == nothing
    yield
    assert remains(client, name, home) == nothing
    after = client.inspect_container(container)["State"]
    assert (after["Running"], after["StartedAt"]) == (True, before["StartedAt"])
    result = in_use.run(ROOT / "examples" / "hello", name="Ada")
    assert result.status == "Completed", result.error


@pytest.fixture
def fails(workspace: LocalWorkspace) -> Callable[..., PfError]:
    """Return a function that builds what cannot be built, and gives the error."""

    def build(source: Path, **options: Any) -> PfError:
        with pytest.raises(PfError) as caught:
            workspace.environments.build(source, **options)
        return caught.value

    return build


def ends_with(error: PfError, code: str, phase: str, said: str) -> None:
    """Hold an error against what it must tell."""
    shown = f"{error.describe()}\n{getattr(error, 'log', '')[-800:]}"
    assert (error.code, error.details.get("phase")) == (code, phase), shown
    assert said in error.message, shown
    assert error.hint, shown


def test_an_unknown_package(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    wheel(tmp_path / "image_build" / "wheels", "there", "1.0")
    source = definition(
        tmp_path,
        name,
        dockerfile=["COPY wheels wheels", f"{INSTALL} -r requirements.txt"],
        requirements=["there", "no-such-thing==9"],
    )
    ends_with(fails(source), "package_unknown", "build", "no-such-thing")


def test_pins_that_conflict(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    wheels = tmp_path / "wheels"
    for version in ("1.0", "2.0"):
        wheel(wheels, "shared", version)
    wheel(wheels, "left", "1.0", requires=["shared==1.0"])
    wheel(wheels, "right", "1.0", requires=["shared==2.0"])
    # without a Dockerfile: uv explains in its own words
    (tmp_path / "environment.yaml").write_text(f"name: {name}\n")
    (tmp_path / "requirements.txt").write_text(
        "--no-index\n--find-links wheels\nleft\nright\n"
    )
    ends_with(fails(tmp_path), "requirements_conflict", "build", "shared")


def test_a_base_without_python(
    fails: Callable[..., PfError], name: str, tmp_path: Path, client: Any
) -> None:
    base = f"pf_jupyter-test/bare-{name}:1"
    client.import_image_from_data(_tar(tmp_path), repository=base[:-2], tag="1")
    try:
        source = definition(tmp_path, name, base=base)
        ends_with(fails(source), "no_python", "contract", "no Python")
    finally:
        client.remove_image(base)


def old_python() -> Path | None:
    """Return the folder of a real Python 3.7, where pyenv has made one."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted(root.glob("versions/3.7.*/bin/python3.7"))
    return found[-1].parents[1] if found else None


def pack(python: Path, archive: Path) -> None:
    """Write what of a Python is needed to start it."""
    skipped = {"test", "tests", "site-packages", "idlelib", "tkinter", "__pycache__"}

    def wanted(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = Path(info.name).name
        return None if name in skipped or name.startswith("config-") else info

    with tarfile.open(archive, "w") as tar:
        tar.add(python / "bin" / "python3.7", "bin/python3.7")
        for library in python.glob("lib/libpython3.7*.so*"):
            tar.add(library, f"lib/{library.name}")
        tar.add(python / "lib" / "python3.7", "lib/python3.7", filter=wanted)


def test_a_base_with_an_old_python(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    context = tmp_path / "image_build"
    context.mkdir()
    names = [*(f"python3.{minor}" for minor in range(9, 15)), "python3", "python"]
    python = old_python()
    if python is not None:
        pack(python, context / "old.tar")
        lines = [
            "RUN rm -rf /usr/local/bin/python*",
            "ADD old.tar /usr/local/",
            "ENV LD_LIBRARY_PATH=/usr/local/lib",
            "RUN ln -s python3.7 /usr/local/bin/python3",
        ]
    else:
        # few machines have one any more: a script says what it would say
        (context / "old").write_text(
            "#!/bin/sh\ncase \"$*\" in *version_info*) printf 'pf-python 3.7';; "
            "*) exec sleep 600;; esac\n"
        )
        links = " && ".join(f"cp /old /usr/local/bin/{one}" for one in names)
        lines = [f"RUN chmod 755 /old && rm -f /usr/local/bin/python* && {links}"]
    source = definition(tmp_path, name, dockerfile=lines)
    ends_with(fails(source), "python_too_old", "contract", "Python 3.7")


def test_a_dockerfile_that_fails(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    source = definition(tmp_path, name, dockerfile=["RUN echo out of luck && exit 3"])
    error = fails(source)
    ends_with(error, "build_failed", "build", "out of luck (non-zero code: 3)")
    assert "RUN echo out of luck" in error.message


def test_a_wheel_for_another_platform(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    file = wheel(
        tmp_path / "image_build" / "wheels", "alien", "1.0", tag="cp311-cp311-win_amd64"
    )
    source = definition(
        tmp_path,
        name,
        dockerfile=["COPY wheels wheels", "RUN pip install -r requirements.txt"],
        requirements=[f"./wheels/{file.name}"],
    )
    ends_with(fails(source), "wheel_platform", "build", "alien")


def test_a_certificate_authority_that_nobody_knows(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    context = tmp_path / "image_build"
    context.mkdir()
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", f"{context}/key.pem", "-out", f"{context}/cert.pem"),
        ],
        check=True,
        capture_output=True,
    )
    (context / "index.py").write_text(
        "import http.server, ssl\n"
        "server = http.server.HTTPServer(('127.0.0.1', 8443), "
        "http.server.SimpleHTTPRequestHandler)\n"
        "context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
        "context.load_cert_chain('/cert.pem', '/key.pem')\n"
        "server.socket = context.wrap_socket(server.socket, server_side=True)\n"
        "server.serve_forever()\n"
    )
    (context / "wait.py").write_text(
        "import socket, time\n"
        "while True:\n"
        "    try:\n"
        "        socket.create_connection(('127.0.0.1', 8443), timeout=60).close()\n"
        "        break\n"
        "    except OSError:\n"
        "        time.sleep(0.1)\n"
    )
    install = "pip install --retries 0 -i https://127.0.0.1:8443/simple thing"
    source = definition(
        tmp_path,
        name,
        dockerfile=[f"RUN (python3 /index.py &) && python3 /wait.py && {install}"],
    )
    ends_with(fails(source), "certificate_unknown", "build", "CERTIFICATE")


def test_a_link_that_climbs_out_of_the_context(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    source = definition(tmp_path / "env", name)
    (tmp_path / "secret").write_text("not for the image")
    (source / "image_build" / "inner").mkdir()
    (source / "image_build" / "inner" / "link").symlink_to("../../../secret")
    ends_with(fails(source), "context_link_outside", "context", "inner/link")


def test_three_gigabytes_by_accident(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    source = definition(tmp_path, name)
    with (source / "image_build" / "model.bin").open("wb") as file:
        file.truncate(3 * 1024**3)
    ends_with(fails(source), "context_too_large", "context", "model.bin (3.0 GB)")


def test_a_package_that_is_listed_and_not_there(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    source = definition(tmp_path, name, requirements=["forgotten>=1"])
    ends_with(fails(source), "package_not_there", "contract", "requirements.txt:1")


def test_a_package_that_cannot_be_imported(
    fails: Callable[..., PfError], name: str, tmp_path: Path
) -> None:
    context = tmp_path / "image_build"
    wheel(
        context / "wheels",
        "halfway",
        "1.0",
        source="import ctypes\nctypes.CDLL('libabsent.so.7')\n",
    )
    source = definition(
        tmp_path,
        name,
        dockerfile=["COPY wheels wheels", f"{INSTALL} -r requirements.txt"],
        requirements=["halfway"],
    )
    ends_with(fails(source), "package_broken", "contract", "libabsent.so.7")


def test_a_name_that_is_another_owners(
    workspace: LocalWorkspace,
    fails: Callable[..., PfError],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace.core.store.environments.add(_owned(name, "bo"))
    error = fails(definition(tmp_path, name))
    assert (error.code, error.exit_code) == ("name_taken", 3)
    assert "is bo's" in error.message
    assert error.hint
    workspace.core.store.environments.change(name, owner=_user())


def _owned(name: str, owner: str) -> Any:
    from pf_jupyter.store.records import EnvironmentRecord

    return EnvironmentRecord(name, owner, "2026", "2026")


def _user() -> str:
    from pf_jupyter.runtimes.identity import user

    return user()


def _tar(folder: Path) -> bytes:
    import io
    import tarfile

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        info = tarfile.TarInfo("motd")
        info.size = 5
        tar.addfile(info, io.BytesIO(b"hello"))
    return data.getvalue()


# what is killed

BUILDER = """
import sys
from pathlib import Path
from pf_jupyter.workspace.local import LocalWorkspace
home, source = sys.argv[1:]
LocalWorkspace(Path(home)).environments.build(
    source, on_phase=lambda event: print(event.detail, flush=True)
)
"""


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_killed(
    by: signal.Signals,
    workspace: LocalWorkspace,
    name: str,
    tmp_path: Path,
    home: Path,
    docker_host: str,
    client: Any,
) -> None:
    source = definition(
        tmp_path, name, dockerfile=["RUN echo one > /one", "RUN sleep 600"]
    )
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(home), str(source)],
        env={**os.environ, "DOCKER_HOST": docker_host, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if "RUN sleep 600" in line:
                break
        else:
            pytest.fail("the build did not get to its last step")
        _eventually(lambda: remains(client, name, home)["containers"])
        process.send_signal(by)
        process.wait(60)
    _eventually(lambda: not remains(client, name, home)["containers"])
    if by == signal.SIGKILL:
        # nobody was left to tidy up: whoever builds it next does
        definition(tmp_path, name, dockerfile=["RUN false"])
        with pytest.raises(PfError):
            workspace.environments.build(source)


def _eventually(question: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


# registries


@pytest.fixture
def built(
    workspace: LocalWorkspace, name: str, tmp_path: Path, client: Any
) -> Iterator[str]:
    """An environment that is built, and taken away again at the end."""
    source = definition(tmp_path / "built", name)
    workspace.environments.build(source)
    yield str(source)
    clear(workspace)


def publishing_fails(
    workspace: LocalWorkspace, source: str, place: str, **options: Any
) -> PfError:
    with pytest.raises(PfError) as caught:
        workspace.environments.publish(source, registry=f"{place}/team", **options)
    versions = [one for one in workspace.environments.list() if not one.curated]
    assert versions == []
    return caught.value


def test_no_registry(workspace: LocalWorkspace, built: str) -> None:
    error = publishing_fails(workspace, built, "127.0.0.1:1")
    ends_with(error, "registry_unreachable", "push", "127.0.0.1:1/team")
    assert error.exit_code == 4


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Registry]:
    """A registry that wants a login."""
    with running_registry(tmp_path / "guarded", login=True) as registry:
        yield registry


def test_a_wrong_login(
    workspace: LocalWorkspace, built: str, guarded: Registry
) -> None:
    workspace.connections.create(
        {"type": "custom", "name": "registry", "configs": {"username": "ana"}},
        settings={"secrets.password": "not-the-word"},
    )
    error = publishing_fails(workspace, built, guarded.place, connection="registry")
    ends_with(error, "registry_refused", "push", guarded.place)
    assert error.exit_code == 3
    assert "not-the-word" not in error.describe() + str(error.details)


def test_a_registry_that_dies_in_the_middle(
    workspace: LocalWorkspace, built: str, tmp_path: Path
) -> None:
    with running_registry(tmp_path / "mortal") as registry:

        def kill(event: Any) -> None:
            if event.phase == "push" and (event.current or 0) > 0:
                registry.kill()

        error = publishing_fails(workspace, built, registry.place, on_phase=kill)
        ends_with(error, "registry_unreachable", "push", registry.place)
        # once it is back the same line goes through: nothing is in the way
        registry.start()
        made = workspace.environments.publish(built, registry=f"{registry.place}/team")
    assert made.version == "1"
    assert len(made.registries) == 1
