"""A base image without a registry: this machine's own Python, as a root file system.

Linux only. The interpreter that goes into the image writes the tar itself, see
:mod:`pf_jupyter.environments.rootfs`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pf_jupyter.engines.api import BuildProgress, Engine, ImageInfo, Progress
from pf_jupyter.environments import interpreter as interpreters
from pf_jupyter.environments.interpreter import Interpreter
from pf_jupyter.errors import RuntimeFailed

PYTHON_IN_IMAGE = "/usr/local/bin/python3"
_BUNDLE_IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt"
IMAGE_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin",
    "LANG": "C.UTF-8",
    "SSL_CERT_FILE": _BUNDLE_IN_IMAGE,
    "REQUESTS_CA_BUNDLE": _BUNDLE_IN_IMAGE,
    "PIP_CERT": _BUNDLE_IN_IMAGE,
}
_WRITER = Path(__file__).with_name("rootfs.py")
_WRITE_SECONDS = 300.0


def can_build() -> bool:
    """Tell whether this machine can give its own Python to an image."""
    return sys.platform == "linux" and shutil.which("ldd") is not None


def build_base(
    engine: Engine,
    reference: str,
    *,
    interpreter: Interpreter,
    packages: Sequence[str],
    labels: Mapping[str, str],
    folder: Path,
    progress: Progress | None = None,
) -> ImageInfo:
    """Make an image of an interpreter and some installed distributions.

    Parameters
    ----------
    engine
        Where the image is made.
    reference
        Its name and tag.
    interpreter
        The Python that goes in.
    packages
        Names of distributions installed beside the running Python; their files are
        copied, compiled ones only when the interpreter can load them.
    labels
        Labels of the image.
    folder
        An empty folder for the tar; it takes about 100 MB.
    progress
        Told of each step.

    Raises
    ------
    RuntimeFailed
        The files could not be gathered, or the engine refused the image.
    """
    archive = folder / "root.tar"
    write_root(archive, interpreter=interpreter, packages=packages, progress=progress)
    return engine.import_image(
        archive,
        reference,
        environment=IMAGE_ENVIRONMENT,
        labels=labels,
        progress=progress,
    )


def write_root(
    archive: Path,
    *,
    interpreter: Interpreter,
    packages: Sequence[str],
    progress: Progress | None = None,
) -> None:
    """Write the root file system of `build_base` as a tar.

    Raises
    ------
    RuntimeFailed
        The files could not be gathered.
    """
    if progress is not None:
        progress(BuildProgress(f"gathering Python {interpreter.version}"))
    bundle = interpreters.certificate_bundle()
    if bundle is None:
        raise RuntimeFailed(
            "this machine has no bundle of certificate authorities",
            phase="build",
            code="no_certificates",
            hint="install ca-certificates, or name a bundle in SSL_CERT_FILE",
        )
    files = [
        file for name in packages for file in interpreters.distribution_files(name)
    ]
    plan = {
        "packages": files,
        "certificates": str(bundle),
        "title": f"pf_jupyter default, Python {interpreter.version}",
    }
    plan_file = archive.with_name("plan.json")
    plan_file.write_text(json.dumps(plan), encoding="utf-8")
    command = [str(interpreter.path), "-I", "-S", str(_WRITER)]
    try:
        done = subprocess.run(
            [*command, str(plan_file), str(archive)],
            capture_output=True,
            text=True,
            timeout=_WRITE_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(str(error), "") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise _failed(last, done.stderr)


def _failed(reason: str, log: str) -> RuntimeFailed:
    full = "No space left" in reason
    return RuntimeFailed(
        f"the base image could not be made from this machine's Python: {reason}",
        phase="build",
        log=log,
        code="disk_full" if full else "base_failed",
        hint="free some space on the disk of PF_JUPYTER_HOME"
        if full
        else "choose an image to start from, such as python:3.12-slim",
    )
