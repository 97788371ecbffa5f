"""A server that is asked thousands of made-up requests, each as its document allows.

    python benchmarks/api_fuzz.py [--examples 70] [--seed 1]

Every operation of the OpenAPI document is asked with values that fit it and with values
that do not; what comes back must be no 5xx, fit its schema, and come in time. The end
tells how many requests there were. Needs the extra ``test``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from served import harness  # noqa: E402

NOT_ASKED = (
    "positive_data_acceptance",  # a name that fits may still name nothing
    "missing_required_header",  # nobody known is a 403 here, as everywhere in Jupyter
    "ignored_auth",  # tested by name in tests/server/test_routes.py, for every route
)
ENDLESS = ("runtimes.follow", "status.events")
"""These answer for as long as somebody listens."""

MAKERS = ("runtimes.create", "current.ensure")
"""These start processes: left out where there is little time."""


def fuzz(
    url: str, token: str, examples: int, seed: int, *left_out: str, workers: int = 1
) -> tuple[int, str]:
    """Ask all of it; return the exit code and what the tester says.

    Parameters
    ----------
    url
        Of the server.
    token
        That makes it listen.
    examples
        For each operation.
    seed
        Of the made-up values.
    left_out
        Operations that are not asked.
    workers
        Requests at once.
    """
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        f"{url}pf/api/openapi.json",
        *("-H", f"Authorization: token {token}"),
        *("--checks", "all", "--exclude-checks", ",".join(NOT_ASKED)),
        *("--phases", "fuzzing", "--max-examples", str(examples)),
        *("--seed", str(seed), "--request-timeout", "60", "--continue-on-failure"),
        *("--suppress-health-check", "all", "--no-color", "--no-shrink"),
        *("--max-response-time", "60", "--workers", str(workers)),
    ]
    for name in (*ENDLESS, *left_out):
        command += ["--exclude-operation-id", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def requests(said: str) -> int:
    """Return how many requests there were."""
    found = re.search(r"([\d,]+) generated", said)
    return int(found[1].replace(",", "")) if found else 0


def main(argv: list[str] | None = None) -> int:
    """Ask a server of our own; the exit code says whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=70)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=4, help="requests at once")
    parser.add_argument("--makers", action="store_true", help="start processes, too")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="pf-fuzz-") as folder:
        server = harness().Server(Path(folder)).start()
        try:
            body = {"name": "demo", "compute": "process"}
            _, _, begun = server.ask("POST", "pf/api/runtimes", body)
            server.done(begun)
            left_out = () if given.makers else MAKERS
            token = harness().TOKEN
            code, said = fuzz(
                server.url,
                token,
                given.examples,
                given.seed,
                *left_out,
                workers=given.workers,
            )
            # it is still there, and what it has is whole
            checks = server.ask("GET", "pf/api/doctor")[2]["checks"]
            bad = [check for check in checks if check["status"] == "fail"]
            errors = server.log().count("Traceback")
        finally:
            sys.path.insert(0, str(ROOT))
            _clear(server)
    print(said[-12_000:])
    print(f"{requests(said)} requests, exit {code}, {errors} tracebacks in its log")
    for check in bad:
        print(f"doctor: {check}")
    return 1 if code or bad or errors else 0


def _clear(server: Any) -> None:
    from pf_jupyter.workspace.local import LocalWorkspace

    server.stop()
    workspace = LocalWorkspace(server.home)
    for runtime in workspace.runtimes.list():
        runtime.delete()
    workspace.close()


if __name__ == "__main__":
    sys.exit(main())
