"""What the server does with the packages of runtimes."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...workspace.serving import scratch
from .. import models
from ..verb import Ask, verb
from .runtimes import on_phase, runtime_answer, runtime_of


@verb("packages.list", answer=models.PackagesAnswer)
def _list(ask: Ask) -> Any:
    runtime = runtime_of(ask)
    return models.PackagesAnswer.model_validate(
        {
            "packages": [package.to_dict() for package in runtime.packages()],
            "layers": runtime.layers(),
        }
    )


@verb("packages.install", body=models.Install, answer=models.InstallationAnswer)
def _install(ask: Ask) -> Any:
    body: models.Install = ask.body
    runtime = runtime_of(ask)
    with scratch(ask.served.workspace, "pf-install-") as folder:
        file = None
        if body.requirements is not None:
            file = folder / "requirements.txt"
            file.write_text(body.requirements, encoding="utf-8")
        done = runtime.install(
            *body.packages,
            requirements=file,
            upgrade=body.upgrade,
            on_phase=on_phase(ask),
        )
    found = {
        field.name: getattr(done, field.name) for field in dataclasses.fields(done)
    }
    found["modules"] = {name: list(m) for name, m in done.modules.items()}
    found["warnings"] = list(done.warnings)
    return models.InstallationAnswer.model_validate(
        {key: dict(v) if hasattr(v, "items") else v for key, v in found.items()}
    )


@verb("packages.reset", body=models.Nothing, answer=models.RuntimeAnswer)
def _reset(ask: Ask) -> Any:
    return runtime_answer(runtime_of(ask).reset())
