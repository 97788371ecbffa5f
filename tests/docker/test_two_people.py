"""Two people on one server: each of these is an attempt of Ben's to learn of what is
Ana's, over REST, streams, completion, the network of containers and file systems."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
from pathlib import Path

import pytest

from pf_jupyter.commands.catalogue import NOUNS
from pf_jupyter.commands.completion import complete
from pf_jupyter.commands.context import Context
from pf_jupyter.commands.terminal import TerminalProgress
from pf_jupyter.workspace.remote import RemoteWorkspace
from pf_jupyter.workspace.remote_client import Address, Client

from .conftest import clear, open_workspace
from .two_people import World, layers

pytestmark = pytest.mark.docker

SERVER = Path(__file__).parents[1] / "server"


def harness():
    name = "pf_jupyter_two_people_harness"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, SERVER / "harness.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="module")
def world(docker_host, tmp_path_factory):
    path = os.pathsep.join([str(SERVER), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        server = harness().Server(
            tmp_path_factory.mktemp("two"),
            "--ServerApp.identity_provider_class=people.ByHeader",
            "--PfJupyter.owners=boss",
        )
        server.team, server.engine = True, docker_host
        try:
            yield World(server.start(), harness())
        finally:
            server.stop()
            workspace = open_workspace(server.home, docker_host)
            clear(workspace)
            workspace.close()


@pytest.fixture(scope="module")
def ben(world):
    """Ben's workspace as his kernels have it, for what TAB offers."""
    made = world.ask("ben", "POST", "tokens", {"kernel": "bens"})[1]
    workspace = RemoteWorkspace(Client(Address(world.server.url, made["token"])))
    yield workspace
    workspace.close()


FLOW = {"example": "hello"}
CODE = {"inputs": {"code": "found = 1"}}

# name: (kind of Ana's thing, method, path, body, headers); HERS is its name
OF_THINGS = {
    "show her runtime": ("runtime", "GET", "runtimes/HERS"),
    "start her runtime": ("runtime", "POST", "runtimes/HERS/start", {}),
    "stop her runtime": ("runtime", "POST", "runtimes/HERS/stop", {}),
    "restart her runtime": ("runtime", "POST", "runtimes/HERS/restart", {}),
    "delete her runtime": ("runtime", "DELETE", "runtimes/HERS"),
    "read her runtime's log": ("runtime", "GET", "runtimes/HERS/logs"),
    "follow her runtime's log": ("runtime", "GET", "runtimes/HERS/logs/stream"),
    "see what her runtime uses": ("runtime", "GET", "runtimes/HERS/stats"),
    "check her runtime": ("runtime", "GET", "runtimes/HERS/check"),
    "list her packages": ("runtime", "GET", "runtimes/HERS/packages"),
    "install into her runtime": (
        *("runtime", "POST", "runtimes/HERS/packages", {"packages": ["six"]}),
    ),
    "capture her runtime": ("runtime", "POST", "runtimes/HERS/capture", {"name": "x"}),
    "look for newer versions of hers": ("runtime", "GET", "runtimes/HERS/version"),
    "make her runtime his current one": (
        *("runtime", "PUT", "current-runtime", {"name": "HERS"}),
    ),
    "check code in her runtime": (
        *("runtime", "POST", "runtimes/HERS/validate", {"flow": FLOW}),
    ),
    "run in her runtime": (
        *("runtime", "POST", "runs", {"flow": FLOW, "runtime": "HERS"}),
    ),
    "run a batch in her runtime": (
        "runtime",
        "POST",
        "batches",
        {"flow": FLOW, "runtime": "HERS", "rows": [{"name": "x"}]},
    ),
    "have her runtime take some of his lines": (
        "runtime",
        "POST",
        "batches",
        {
            "flow": FLOW,
            "runtime": "rt-ben",
            "runtimes": ["HERS"],
            "rows": [{"name": "x"}],
        },
    ),
    "ask what he may do to her runtime": (
        "runtime",
        "POST",
        "roles/check",
        {"principal": "ben", "right": "runtime.use", "on": "runtime:HERS"},
    ),
    "show her connection": ("connection", "GET", "connections/HERS"),
    "change her connection": (
        *("connection", "PATCH", "connections/HERS", {"settings": {"secrets.k": "v"}}),
    ),
    "delete her connection": ("connection", "DELETE", "connections/HERS"),
    "show her run": ("run", "GET", "runs/HERS"),
    "read her run's record": ("run", "GET", "runs/HERS/record"),
    "read her run's trace": ("run", "GET", "runs/HERS/trace"),
    "follow her run": ("run", "GET", "runs/HERS/events"),
    "cancel her run": ("run", "POST", "runs/HERS/cancel", {}),
    "archive her run": ("run", "POST", "runs/HERS/archive", {}),
    "delete her run": ("run", "DELETE", "runs/HERS"),
    "begin from a node of her run": (
        "run",
        "POST",
        "runs",
        {"flow": FLOW, "runtime": "rt-ben", "from_node": "greet", "upstream": "HERS"},
    ),
    "read the lines of her batch": ("batch", "GET", "runs/HERS/lines"),
    "read one line of her batch": ("batch", "GET", "runs/HERS/lines/0"),
    "run a line of her batch": ("batch", "POST", "runs/HERS/lines/0/run", {}),
    "fetch her batch's results": ("batch", "GET", "runs/HERS/results"),
    "fetch her batch's outputs": ("batch", "GET", "runs/HERS/outputs"),
    "export her batch": ("batch", "POST", "runs/HERS/export", {}),
    "resume her batch": ("batch", "POST", "runs/HERS/resume", {}),
    "read her batch's estimates": ("batch", "GET", "runs/HERS/estimates"),
    "read her batch's judgement": ("batch", "GET", "runs/HERS/judgement"),
    "judge her batch": (
        "batch",
        "POST",
        "evaluations",
        {"run": "HERS", "flow": FLOW, "runtime": "rt-ben", "mapping": {"name": "x"}},
    ),
    "run over her batch's outputs": (
        "batch",
        "POST",
        "batches",
        {"flow": FLOW, "runtime": "rt-ben", "source_run": "HERS", "rows": [{}]},
    ),
    "compare with her batch": (
        "batch",
        "POST",
        "comparisons",
        {"runs": ["HERS", "HERS"]},
    ),
    "show her operation": ("operation", "GET", "operations/HERS"),
    "follow her operation": ("operation", "GET", "operations/HERS/events"),
    "cancel her operation": ("operation", "POST", "operations/HERS/cancel", {}),
    "ask about her file": ("file", "GET", "files/HERS"),
    "read her file": ("file", "GET", "files/HERS/content"),
    "take her token back": ("token", "DELETE", "tokens/HERS"),
}


@pytest.mark.parametrize("attempt", OF_THINGS)
def test_what_is_hers_is_as_if_it_were_not_there(world, attempt):
    hers, nothings = world.told_of(*OF_THINGS[attempt])
    assert hers == nothings
    assert world.mark not in hers


def everything(path):
    return lambda world, ben: world.ask("ben", "GET", path)[1]


def operations(world, ben):
    found = world.ask("ben", "GET", "operations")[1]["operations"]
    # what he asked for himself names what he wrote himself
    return [one for one in found if one["principal"] != "ben"]


def tab(line):
    def offered(world, ben):
        noun, *words = line.split(" ")
        context = Context(
            face="notebook",
            progress=TerminalProgress(io.StringIO()),
            connect=lambda: ben,
        )
        return complete(context, NOUNS[noun], words)

    return offered


def with_her_connection(world, ben):
    flow = {"example": "hello"}
    chosen = {"greet": {"connection": world.names["connection"]}}
    body = {"flow": flow, "runtime": "rt-ben", "connections": chosen}
    said = world.whole("ben", "POST", "runs", body)
    return json.dumps(said).replace(world.names["connection"], "what he wrote himself")


def her_flow(world, ben):
    body = {"flow": world.flow("ana")}
    status, said = world.ask("ben", "POST", "flows/show", body)
    assert status == 404, said
    return str(said).replace(world.flow("ana")["name"], "what he wrote himself")


def a_path_on_the_server(world, ben):
    folder = next(world.server.home.rglob("step.py")).parent
    said = world.ask("ben", "POST", "flows/show", {"flow": {"contents": str(folder)}})
    path = {"path": str(folder), "digest": "0" * 64}
    said += world.ask("ben", "POST", "flows/show", {"flow": path})
    return str(said).replace(str(folder), "what he wrote himself")


def her_key(world, ben):
    body = {"flow": FLOW, "runtime": "rt-ben"}
    key = world.names["operation"]
    status, said = world.ask("ben", "POST", "runs", body, **{"Idempotency-Key": key})
    assert status == 404, said
    return said


def news_of_hers(world, ben):
    def change():
        path = f"connections/{world.names['connection']}"
        body = {"settings": {"type": "custom", "secrets.k": "another"}}
        assert world.ask("ana", "PATCH", path, body)[0] == 200
        world.run("ana", "found = 2")

    told = world.heard(change)
    # what he hears of is his own connection, and nothing before it
    nouns = [event["nouns"] for event in told]
    assert nouns == [["connections"]], nouns
    return told


def in_the_container(code):
    return lambda world, ben: world.inside(code)


LOOK_AROUND = """
import os
found = []
for base, folders, files in os.walk('/'):
    if base in ('/proc', '/sys', '/dev'):
        folders[:] = []
        continue
    for name in files:
        path = os.path.join(base, name)
        found.append(path)
        try:
            if not os.path.isfile(path) or '/lib/python' in path:
                continue
            if os.path.getsize(path) < 100_000:
                with open(path, 'rb') as stream:
                    text = stream.read(100_000)
                if b'anas' in text:
                    found.append(text.decode('utf-8', 'replace'))
        except OSError:
            pass
found = [text for text in found if 'anas' in text]
"""
PROCESSES = """
import glob
found = []
for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
    try:
        found.append(open(path, 'rb').read().decode('utf-8', 'replace'))
    except OSError:
        pass
"""
SOCKETS = """
import os, stat
found = []
for base, folders, files in os.walk('/'):
    if base in ('/proc', '/sys'):
        folders[:] = []
    for name in files:
        path = os.path.join(base, name)
        try:
            if stat.S_ISSOCK(os.stat(path).st_mode):
                found.append('anas ' + path)
        except OSError:
            pass
"""


def by_name(world, ben, client):
    shown = world.container("ana", client)
    names = [shown["Name"].strip("/"), shown["Config"]["Hostname"]]
    names.append(world.names["runtime"])
    return world.inside(
        "import socket\nfound = []\n"
        f"for name in {names!r}:\n"
        "    try:\n        found.append('anas ' + socket.gethostbyname(name))\n"
        "    except OSError:\n        pass\n"
    )


SERVED = """
import socket, time
served = socket.create_server(('', 8765))
while True:
    served.accept()
"""
SERVES = """
import socket, time
while True:
    try:
        socket.create_connection(('127.0.0.1', 8765), 1).close()
        break
    except OSError:
        time.sleep(0.1)
"""


def by_address(world, ben, client):
    hers = world.container("ana", client)
    networks = hers["NetworkSettings"]["Networks"]
    addresses = [one["IPAddress"] for one in networks.values() if one["IPAddress"]]
    assert addresses, "there is nothing to try"
    for code, wait in ((SERVED, False), (SERVES, True)):
        made = client.exec_create(hers["Id"], ["python", "-c", code])
        client.exec_start(made["Id"], detach=not wait)
    return world.inside(
        "import socket\nfound = []\n"
        f"for address in {addresses!r}:\n"
        "    for port in (22, 80, 8765, 8888, 2375):\n"
        "        try:\n"
        "            socket.create_connection((address, port), 1).close()\n"
        "            found.append(f'anas {address}:{port}')\n"
        "        except OSError:\n            pass\n"
    )


def by_network(world, ben, client):
    hers, his = (
        set(world.container(person, client)["NetworkSettings"]["Networks"])
        for person in ("ana", "ben")
    )
    return [f"anas {name}" for name in hers & his]


def the_server_from_inside(world, ben, client):
    networks = world.container("ben", client)["NetworkSettings"]["Networks"]
    gates = [one["Gateway"] for one in networks.values() if one["Gateway"]]
    url = f"{harness().BASE}pf/api/runtimes"
    return world.inside(
        "import http.client\nfound = []\n"
        f"for gate in {[*gates, '127.0.0.1']!r}:\n"
        "    try:\n"
        f"        asked = http.client.HTTPConnection(gate, {world.server.port}, "
        "timeout=3)\n"
        f"        asked.request('GET', {url!r}, headers={{'X-Person': 'ana'}})\n"
        "        found.append(asked.getresponse().read().decode())\n"
        "    except OSError:\n        pass\n"
    )


def shared_mounts(world, ben, client):
    hers = {name for name, _ in layers(world.container("ana", client))}
    bens = dict(layers(world.container("ben", client)))
    return [
        f"{world.mark} {name}" for name, write in bens.items() if name in hers and write
    ]


def her_layers(world, ben, client):
    hers = {name for name, _ in layers(world.container("ana", client))}
    bens = {name for name, _ in layers(world.container("ben", client))}
    return [f"{world.mark} {name}" for name in hers & bens]


def the_homes_mode(world, ben):
    mode = world.server.home.stat().st_mode & 0o077
    return f"{world.mark} is open: {mode:o}" if mode else ""


def tokens_on_disk(world, ben):
    files = [f for f in world.server.home.rglob("*") if f.is_file()]
    assert files
    return [
        f"{world.mark} {file}"
        for file in files
        if world.token.encode() in file.read_bytes()
    ]


def secrets_on_disk(world, ben):
    secret = f"secret of {world.names['connection']}".encode()
    files = [f for f in world.server.home.rglob("*") if f.is_file()]
    return [f"{world.mark} {file}" for file in files if secret in file.read_bytes()]


def told_when_he_takes_her_name(world, ben):
    body = {"name": world.names["runtime"], "compute": "docker"}
    said = world.whole("ben", "POST", "runtimes", body)
    return str(said).replace(world.names["runtime"], "what he wrote himself")


ATTEMPTS = {
    "list the runtimes": everything("runtimes"),
    "list the names of runtimes": everything("runtime-names"),
    "list the runs": everything("runs?limit=1000"),
    "list the connections": everything("connections"),
    "list the environments and who uses them": everything("environments"),
    "look who uses the default environment": everything("environments/default"),
    "list the computes": everything("computes"),
    "list the operations": operations,
    "list the tokens": everything("tokens"),
    "list the roles": everything("roles"),
    "read the audit list": everything("audit"),
    "ask the doctor": everything("doctor"),
    "ask the status": everything("status"),
    "list the flows": everything("flows"),
    "TAB after runtime show": tab("runtime show "),
    "TAB after runtime use": tab("runtime use "),
    "TAB after run show": tab("run show "),
    "TAB after connection show": tab("connection show "),
    "TAB after flow run --runtime": tab("flow run hello --runtime "),
    "TAB after role check --on": tab("role check ben runtime.use --on "),
    "use her connection in a run": with_her_connection,
    "show a flow that she uploaded": her_flow,
    "name a path of hers on the server": a_path_on_the_server,
    "send her operation's key": her_key,
    "take the name of her runtime": told_when_he_takes_her_name,
    "hear of her changes": news_of_hers,
    "look through his container's files": in_the_container(LOOK_AROUND),
    "look at his container's processes": in_the_container(PROCESSES),
    "find sockets in his container": in_the_container(SOCKETS),
    "reach her container by name": by_name,
    "reach her container by address": by_address,
    "share a network with her container": by_network,
    "ask the server from his container as her": the_server_from_inside,
    "write what her container reads": shared_mounts,
    "share the layers of her packages": her_layers,
    "read the server's folder as another user": the_homes_mode,
    "find her token on the disk": tokens_on_disk,
    "find her secret on the disk": secrets_on_disk,
}
WITH_ENGINE = {
    *(by_name, by_address, by_network, the_server_from_inside),
    *(shared_mounts, her_layers),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_he_learns_nothing_of_hers(world, ben, client, attempt):
    function = ATTEMPTS[attempt]
    more = (client,) if function in WITH_ENGINE else ()
    learnt = str(function(world, ben, *more))
    assert world.mark not in learnt
    assert "anas" not in learnt


def test_she_has_all_of_it_still(world):
    for path, kind in (
        ("runtimes/HERS", "runtime"),
        ("connections/HERS", "connection"),
        ("runs/HERS", "run"),
        ("runs/HERS/lines", "batch"),
        ("operations/HERS", "operation"),
        ("files/HERS/content", "file"),
    ):
        status, said = world.ask("ana", "GET", path.replace("HERS", world.names[kind]))
        assert status == 200, said
        assert world.mark in str(said), kind
