"""What is looked at in a container before it is adopted, each by its name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..engines.api import Engine
from ..engines.containers import Container
from ..engines.probe import ask
from ..errors import PfError
from .model import CheckResult

_SOCKETS = ("docker.sock", "podman.sock", "containerd.sock", "docker_engine")
_HEALTH_SECONDS = 5.0
_HEALTH = """
import sys, urllib.error, urllib.request
try:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = "http://127.0.0.1:" + sys.argv[1] + "/health"
    status = opener.open(url, timeout=float(sys.argv[2])).status
except urllib.error.HTTPError as error:
    status = error.code
except Exception as error:
    status = 0
print("pf-health", status)
"""


def user(container: Container, seen: dict[str, Any]) -> CheckResult:
    """Check: who code is in it, and whether that can write."""
    if not seen.get("temporary"):
        return CheckResult(
            "user",
            "fail",
            "it cannot write a temporary file, which the worker needs",
            "start it with --tmpfs /tmp, or without --read-only",
        )
    who = container.user or ("root" if seen["uid"] == 0 else str(seen["uid"]))
    text = f"{who} (uid {seen['uid']}), temporary files can be written"
    if seen["uid"] == 0:
        hint = "start it with --user 1000 where flows need not be root"
        return CheckResult("user", "warn", f"{text}; flows run as root in it", hint)
    if not seen.get("home"):
        return CheckResult("user", "warn", f"{text}; its home is read-only")
    return CheckResult("user", "pass", text)


def privileges(container: Container) -> CheckResult:
    """Check: what it may do to the machine."""
    if container.privileged:
        return CheckResult(
            "privileges",
            "fail",
            "it is privileged: whoever runs a flow in it owns this machine",
            "start it without --privileged",
        )
    if container.capabilities:
        names = ", ".join(container.capabilities)
        hint = "start it without --cap-add where flows do not need it"
        return CheckResult("privileges", "warn", f"it has {names} in addition", hint)
    return CheckResult("privileges", "pass", "not privileged")


def mounts(container: Container) -> CheckResult:
    """Check: what of the machine is in it."""
    for mount in container.mounts:
        if mount.source.endswith(_SOCKETS) or mount.target.endswith(_SOCKETS):
            return CheckResult(
                "mounts",
                "fail",
                f"it has the engine's socket at {mount.target}: whoever runs a flow in "
                "it owns this machine",
                "start it without that socket",
            )
    bound = [mount for mount in container.mounts if mount.kind == "bind"]
    shown = ", ".join(
        f"{m.source} at {m.target}{'' if m.writable else ' (read-only)'}" for m in bound
    )
    if any(mount.writable for mount in bound):
        return CheckResult(
            "mounts",
            "warn",
            f"flows can change what is this machine's: {shown}",
            "mount it with :ro where flows only read",
        )
    volumes = len(container.mounts) - len(bound)
    other = f"{volumes} volume{'' if volumes == 1 else 's'}" if volumes else ""
    text = ", ".join(part for part in (shown, other) if part)
    return CheckResult("mounts", "pass", text or "none")


def network(container: Container) -> CheckResult:
    """Check: what it reaches."""
    if container.network == "host":
        return CheckResult(
            "network",
            "warn",
            "it is on this machine's own network: flows reach what only listens here",
            "start it without --network host",
        )
    return CheckResult("network", "pass", container.network)


def limits(container: Container) -> CheckResult:
    """Check: what it may take."""
    none = [
        name
        for name, value in (
            ("memory", container.memory),
            ("cpus", container.cpus),
            ("pids", container.pids),
        )
        if value is None
    ]
    if none:
        named = ", ".join(none)
        return CheckResult(
            "limits",
            "warn",
            f"no limit of {named}: a flow can take all of this machine",
            f"docker update --memory 4g --memory-swap 4g --cpus 2 --pids-limit 512 "
            f"{container.name}",
        )
    return CheckResult("limits", "pass", "memory, cpus and pids are limited")


def health(container: Container) -> CheckResult:
    """Check: what its own check says."""
    if container.health == "unhealthy":
        return CheckResult(
            "health",
            "warn",
            "its own health check says unhealthy",
            f"docker inspect {container.name} tells what the check said",
        )
    said = f"its own check says {container.health}" if container.health else ""
    return CheckResult("health", "pass", said or "it has no check of its own")


def serving(container: Container, engine: Engine) -> Iterator[CheckResult]:
    """Ask what listens, as far as the container tells its ports."""
    for port in container.ports[:3]:
        try:
            python = engine.python(container.id)
            command = [*python, "-c", _HEALTH, str(port), str(_HEALTH_SECONDS)]
        except PfError:
            return
        said = ask(lambda words: engine.open_stream(container.id, words), command)
        status = int((said.partition("pf-health ")[2].split() or ["0"])[0])
        if 200 <= status < 300:
            text = f"port {port} answers /health with {status}"
            yield CheckResult("serving", "pass", text)
        elif status:
            text = f"port {port} answers /health with {status}"
            hint = "flows run in it all the same; look at what serves there"
            yield CheckResult("serving", "warn", text, hint)
        else:
            text = f"it tells of port {port}, and nothing answers /health there"
            hint = "flows run in it all the same; start what serves there"
            yield CheckResult("serving", "warn", text, hint)
