"""How an instance is made: the hardened profile, limits, and what waits in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pf_jupyter.engines.api import LABEL, VOLUME_LABEL, InstanceSpec

INSTANCE_LABEL = f"{LABEL}.instance"
"""Every instance of ours carries it; its value is the name in the spec."""

PYTHON_LABEL = f"{LABEL}.python"
"""An image that carries it says which Python to use; no probing is needed then."""

NAME_PREFIX = "pf-"
HOME = "/home/pf"
LAYERS = "/opt/pf_layers"
"""Where instances see their volume."""

USER = "1000:1000"

ROOT, ROOT_HOME = "0:0", "/root"
INSTALLS = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID")
"""What root needs to install packages of the system: files that belong to others are
written, given away and marked, and apt fetches as a user of its own."""

HOST_NAME = "host.docker.internal"
"""How code in a container calls this machine: what Docker Desktop names it."""

_GIB = 1024**3
_KNOWS_GATEWAY = (1, 41)

# What a container begins with does nothing but wait. Where the engine has no init, it
# ends on SIGTERM and collects the orphans of programs that were started beside it; else
# the smallest program that waits will do, where the image has one.
WAIT = """
import os, signal
if os.getpid() != 1:
    try:
        os.execvp("sleep", ["sleep", "2147483647"])
    except OSError:
        pass
def end(number, frame):
    os._exit(0)
def collect(number, frame):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
signal.signal(signal.SIGCHLD, collect)
while True:
    signal.pause()
""".strip()


def container_name(name: str) -> str:
    """Return the name on the engine of the instance that a spec calls ``name``."""
    return NAME_PREFIX + re.sub(r"[^a-zA-Z0-9_.-]", "-", name)


def hostname(name: str) -> str:
    """Return ``name`` as a host's name: letters, digits, hyphens, at most 63."""
    text = re.sub(r"[^a-zA-Z0-9-]+", "-", name).strip("-")
    return text[:63].strip("-") or "pf"


def labels(spec: InstanceSpec) -> dict[str, str]:
    """Return the labels that a container gets."""
    volume = {VOLUME_LABEL: spec.volume} if spec.volume else {}
    return {**spec.labels, **volume, INSTANCE_LABEL: spec.name}


def environment(spec: InstanceSpec) -> dict[str, str]:
    """Return the variables of the container."""
    if not spec.hardened:
        return dict(spec.environment)
    # an image knows no user 1000 in general, and its home would be read-only
    base = {"HOME": HOME, "USER": "pf", "LOGNAME": "pf"}
    if spec.writable:
        base = {"HOME": ROOT_HOME, "USER": "root", "LOGNAME": "root"}
    return {**base, **spec.environment}


def host_options(
    spec: InstanceSpec, *, cpus: float, init: bool, podman: bool, api: str = ""
) -> dict[str, Any]:
    """Return arguments for docker-py's ``create_host_config``.

    Parameters
    ----------
    spec
        What to create.
    cpus
        Cores that the engine has; a larger limit would be refused by it.
    init
        Whether the engine has an init program.
    podman
        Whether it is podman, which wants explicit ulimits on some machines.
    api
        Version of its interface, such as ``1.41``; empty when it is not known.
    """
    limits = spec.limits
    options: dict[str, Any] = {"init": True} if init else {}
    if spec.network == "none":
        options["network_mode"] = "none"
    elif not podman:
        if spec.network_name:
            options["network_mode"] = spec.network_name
        # Docker Desktop and podman know the name by themselves
        if api and tuple(map(int, api.split("."))) >= _KNOWS_GATEWAY:
            options["extra_hosts"] = {HOST_NAME: "host-gateway"}
    if spec.volume:
        options["binds"] = {spec.volume: {"bind": LAYERS, "mode": "ro"}}
    if limits.memory is not None:
        options["mem_limit"] = limits.memory
        options["memswap_limit"] = limits.memory
    if limits.cpus is not None:
        options["nano_cpus"] = int(min(limits.cpus, cpus or limits.cpus) * 1e9)
    if limits.pids is not None:
        options["pids_limit"] = limits.pids
    if podman:
        options["ulimits"] = [
            {"Name": "nofile", "Soft": 4096, "Hard": 4096},
            {"Name": "nproc", "Soft": 4096, "Hard": 4096},
        ]
    if spec.hardened:
        options |= _hardened(spec, podman)
    return options


def _hardened(spec: InstanceSpec, podman: bool) -> dict[str, Any]:
    memory = spec.limits.memory or 4 * _GIB
    shared = _tmpfs("1777", min(memory // 2, 2 * _GIB))
    folders = {"/tmp": shared}
    options: dict[str, Any] = {
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "shm_size": min(memory // 4, _GIB),
        "tmpfs": folders,
    }
    if spec.writable:
        return {**options, "cap_add": list(INSTALLS)}
    # Where an image has no such folder, Docker makes it before it mounts, and some
    # runc then give the mount that folder's mode: only its owner may write. Podman
    # keeps the mode, and knows no owner for a tmpfs.
    uid, gid = USER.split(":")
    folders[HOME] = shared if podman else f"{shared},uid={uid},gid={gid}"
    return {**options, "read_only": True}


def container_options(
    spec: InstanceSpec, python: Sequence[str], *, checked: bool = False
) -> dict[str, Any]:
    """Return arguments for docker-py's ``create_container``, less the host's.

    ``python`` is the command that starts Python in the image; ``checked`` tells that
    the image has a health check.
    """
    options: dict[str, Any] = {
        "image": spec.image,
        "name": container_name(spec.name),
        "hostname": hostname(spec.name),
        "entrypoint": [*python, "-I", "-S", "-c", WAIT],
        "command": [],
        "environment": environment(spec),
        "labels": labels(spec),
        "stop_signal": "SIGTERM",
    }
    if checked:
        # the image's own check would look for a service that we do not start
        options["healthcheck"] = {"test": ["NONE"]}
    if spec.hardened and spec.writable:
        options |= {"user": ROOT, "working_dir": ROOT_HOME}
    elif spec.hardened:
        options |= {"user": USER, "working_dir": HOME}
    return options


def _tmpfs(mode: str, size: int) -> str:
    return f"rw,nosuid,nodev,exec,mode={mode},size={size}"
