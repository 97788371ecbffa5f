"""Packages of a runtime that installs nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from pf_jupyter.errors import RuntimeFailed
from pf_jupyter.workspace.api import (
    Capture,
    HasPackages,
    Installation,
    Package,
    Runtime,
)
from pf_jupyter.workspace.capture_api import (
    CaptureDifference,
    CapturedPackage,
    LeftOut,
)


class DoublePackages(HasPackages):
    """Remembers what was asked for."""

    asked: list[tuple[tuple[str, ...], dict[str, Any]]]
    over: list[dict[str, Any]]

    def install(self, *packages: str, **options: Any) -> Installation:
        self.__dict__.setdefault("asked", []).append((packages, options))
        self.__dict__.setdefault("over", [])
        if "nonesuch" in packages:
            raise RuntimeFailed(
                "resolving failed: nonesuch was not found",
                phase="resolve",
                code="package_unknown",
                hint="check the spelling",
            )
        self.over.append({"name": "abc", "source": "ad hoc"})
        return Installation(
            runtime=self.name,
            resolved=2,
            installed=dict.fromkeys(packages, "1.0"),
            replaced={packages[0]: "0.9"} if packages else {},
            present={"jinja2": "3.1.4"},
            modules={name: (name,) for name in packages},
            seconds=0.7,
            layers=len(self.over),
        )

    def reset(self) -> Runtime:
        self.over = []
        return cast(Runtime, self)

    def packages(self) -> list[Package]:
        return [
            Package("jinja2", "3.1.4", "base"),
            Package("cowsay", "6.1", "ad hoc"),
        ]

    def layers(self) -> list[dict[str, Any]]:
        return list(self.__dict__.get("over", []))

    def capture(self, name: str, **options: Any) -> Capture:
        self.__dict__.setdefault("asked", []).append(((name,), options))
        publish = options["publish"]
        return Capture(
            runtime=self.name,
            name=name,
            version="3" if publish else None,
            folder=Path("captured"),
            image="pf_jupyter/env/mine:3",
            digest="sha256:" + "ab" * 32,
            base="pf_jupyter/base",
            taken=[
                CapturedPackage("pip", "cowsay", None, "6.1"),
                CapturedPackage("dpkg", "tree", "2.0-1", "2.1-1"),
                CapturedPackage("dpkg", "nano", "7.2-1", None),
            ],
            counts={"pip": 41, "dpkg": 98},
            differences=[]
            if publish
            else [CaptureDifference("pip", "own", "1.0", None, "a link to sources")],
            left=[LeftOut("/etc/motd", "a file of base-files, edited by hand")],
            duration_ms=7100.0,
        )
