"""What the server does with what was installed and started by hand."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from ...workspace.api import Capture, CheckResult
from ...workspace.remote_wire import check_to_json
from ..models.captures import (
    AdoptContainer,
    AdoptedAnswer,
    CaptureAnswer,
    CaptureRuntime,
)
from ..verb import Ask, verb
from .runtimes import on_phase, runtime_answer, runtime_of

_MOST_BYTES = 64 * 1024 * 1024


def _capture(ask: Ask) -> Any:
    body: CaptureRuntime = ask.body
    runtime = runtime_of(ask)
    made = runtime.capture(
        body.name,
        # the folder is the server's: whoever asks gets its files
        to=_folder(ask, body.name),
        publish=body.publish,
        partial=body.partial,
        index_url=body.index_url,
        version=body.version,
        registry=body.registry,
        description=body.description,
        connection=body.connection,
        on_phase=on_phase(ask),
    )
    return CaptureAnswer.model_validate({**made.to_dict(), "files": _files(made)})


def _folder(ask: Ask, name: str) -> Path:
    key = hashlib.sha256(f"{ask.principal}\0{name}".encode()).hexdigest()[:24]
    return ask.served.folder / "captures" / key


def _files(made: Capture) -> dict[str, str]:
    folder, left = Path(made.folder), _MOST_BYTES
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size <= left:
            left -= path.stat().st_size
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            found[path.relative_to(folder).as_posix()] = data
    return found


# Making it once more gives the same: what was cut off is simply done again.
verb(
    "packages.capture",
    body=CaptureRuntime,
    answer=CaptureAnswer,
    resume=lambda ask, run_id: _capture(ask),
    keeps_body=True,
)(_capture)


@verb("runtimes.adopt", body=AdoptContainer, answer=AdoptedAnswer)
def _adopt(ask: Ask) -> Any:
    body: AdoptContainer = ask.body
    checks: list[CheckResult] = []
    made = ask.workspace.runtimes.adopt(
        body.container,
        name=body.name,
        compute=body.compute,
        on_check=checks.append,
        on_phase=on_phase(ask),
    )
    return AdoptedAnswer.model_validate(
        {
            "runtime": runtime_answer(made),
            "checks": [check_to_json(check) for check in checks],
        }
    )
