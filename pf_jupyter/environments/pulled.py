"""The default environment on a base image from a registry.

The packages are copied from this machine, their compiled parts left out: they are
made for another platform, and all of them work without. Others are installed by the
image's own pip, where it can reach an index; without them flows run whose nodes call no
model, and a node that does says what is missing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pf_jupyter.engines.api import Engine, ImageInfo, Progress
from pf_jupyter.environments import interpreter as interpreters

_COMPILED = (".so", ".pyd", ".dll", ".dylib")

# finds the folder that the image's own Python installs into, and compiles there
_INSTALL = """
import compileall, os, py_compile, shutil, sys, sysconfig
if sys.version_info < (3, 9):
    sys.exit("flows need Python 3.9 or newer, this image has " + sys.version)
site = sysconfig.get_path("purelib")
shutil.copytree("/opt/pf-packages", site, dirs_exist_ok=True)
for name in os.listdir("/opt/pf-packages"):
    compileall.compile_dir(os.path.join(site, name), quiet=2,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""
_FETCH = """
import subprocess, sys
pip = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--retries", "1"]
if subprocess.run([*pip, "--timeout", "10", *sys.argv[1:]]).returncode:
    print("no index can be reached: these are left out:", *sys.argv[1:])
"""


def build_on(
    engine: Engine,
    reference: str,
    *,
    base_image: str,
    packages: Sequence[str],
    fetched: Sequence[str] = (),
    labels: Mapping[str, str],
    folder: Path,
    progress: Progress | None = None,
) -> ImageInfo:
    """Make an image of some distributions on ``base_image``, fetching that if needed.

    Parameters are those of :func:`pf_jupyter.environments.base.build_base`.

    Raises
    ------
    NotFound, Refused, Unreachable
        The base image cannot be fetched.
    RuntimeFailed
        The build failed, such as for a base without Python 3.9.
    """
    if engine.image(base_image) is None:
        engine.pull(base_image, progress)
    for name in packages:
        for relative, path in interpreters.distribution_files(name):
            if not relative.endswith(_COMPILED):
                target = folder / "packages" / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
    lines = [
        f"FROM {base_image}",
        "USER root",
        "COPY packages /opt/pf-packages",
        f"RUN {json.dumps(['python3', '-c', _INSTALL])}",
        *(
            [f"RUN {json.dumps(['python3', '-c', _FETCH, *fetched])}"]
            if fetched
            else []
        ),
        "ENV LANG=C.UTF-8",
    ]
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return engine.build(folder, reference, labels=labels, progress=progress)
