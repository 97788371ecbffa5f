"""Definitions, wheels and counts that the tests of environments share."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pf_jupyter.environments.trials import TRIAL

BUILD_MARK = "pf_jupyter.build"
INSTALL = "RUN pip install --no-cache-dir --no-index --find-links wheels"


def wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    tag: str = "py3-none-any",
    source: str = "",
) -> Path:
    """Write a wheel with one module, so that no index is needed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {item}" for item in requires]
    pure = "true" if tag.endswith("any") else "false"
    files = {
        f"{name}.py": source or f"VERSION = {version!r}\n",
        f"{info}/METADATA": "\n".join(lines) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\n"
        f"Root-Is-Purelib: {pure}\nTag: {tag}\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return path


def definition(
    folder: Path,
    name: str,
    *,
    dockerfile: Sequence[str] = (),
    requirements: Sequence[str] = (),
    base: str = "pf_jupyter/base",
    extra: str = "",
) -> Path:
    """Write an Azure-style folder and return it."""
    context = folder / "image_build"
    context.mkdir(parents=True, exist_ok=True)
    text = f"name: {name}\nbuild:\n  path: image_build\n{extra}"
    (folder / "environment.yaml").write_text(text)
    lines = [f"FROM {base}", "COPY ./* ./", *dockerfile]
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    if requirements:
        (context / "requirements.txt").write_text("\n".join(requirements) + "\n")
    return folder


def remains(client: Any, name: str, home: Path) -> Mapping[str, Sequence[str]]:
    """Return everything that a build of an environment may leave."""
    build = {"label": f"{BUILD_MARK}={name}"}
    trial = {"label": TRIAL}
    containers = [
        item["Id"]
        for filters in (build, trial)
        for item in client.containers(all=True, filters=filters)
        if "pf_jupyter.runtime" not in item["Labels"] and _of(item, name)
    ]
    images = [i["Id"] for i in client.images(all=True, filters=build)]
    work = home / "building"
    files = sorted(map(str, work.rglob("*"))) if work.is_dir() else []
    return {"containers": containers, "images": images, "files": files}


def _of(item: Mapping[str, Any], name: str) -> bool:
    """Tell whether a container belongs to an environment: trials carry its image."""
    labels = item["Labels"]
    image = labels.get(TRIAL, "")
    return labels.get(BUILD_MARK) == name or f"/{name}:" in image
