"""The OpenAPI document, and a server that is asked everything that it allows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pf_jupyter.server.document import document
from pf_jupyter.server.verb import VERBS
from pf_jupyter.server.verbs import load_all

from .conftest import harness

load_all()
EXAMPLES = 3
NOT_ASKED = [
    "positive_data_acceptance",  # a name that fits may still name nothing
    "missing_required_header",  # nobody known is a 403 here, as everywhere in Jupyter
    "ignored_auth",  # tested by name in test_routes.py, for every route
]


def test_it_has_every_verb_with_its_models():
    found = {
        operation["operationId"]: operation
        for path in document()["paths"].values()
        for operation in path.values()
    }
    assert set(found) == set(VERBS)
    for name, verb in VERBS.items():
        takes = verb.body is not None or verb.takes_bytes
        assert ("requestBody" in found[name]) == takes
        status = str(verb.route.status)
        content = found[name]["responses"][status].get("content")
        assert (content is None) == (verb.route.status == 204)
        assert {"403", "404", "409", "422"} <= found[name]["responses"].keys()


def test_it_is_served_with_the_base_url(server):
    status, _, found = server.ask("GET", "pf/api/openapi.json")
    assert status == 200
    assert found["servers"] == [{"url": harness.BASE}]
    assert found["paths"].keys() == document()["paths"].keys()
    assert server.ask("GET", "pf/api/openapi.json", token=None)[0] == 403


@pytest.mark.timeout(240)
def test_whatever_fits_the_document_is_answered_as_it_says(server):
    """Some hundred made-up requests: no 5xx, no answer that breaks its schema."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run"),
        f"{server.url}pf/api/openapi.json",
        *("-H", f"Authorization: token {harness.TOKEN}"),
        *("--checks", "all", "--exclude-checks", ",".join(NOT_ASKED)),
        *("--phases", "fuzzing", "--max-examples", str(EXAMPLES)),
        *("--seed", "1", "--request-timeout", "60", "--continue-on-failure"),
        *("--suppress-health-check", "all", "--no-color"),
        # these two start processes or wait for what never ends
        *("--exclude-operation-id", "runtimes.follow"),
        *("--exclude-operation-id", "status.events"),
        *("--exclude-operation-id", "runtimes.create"),
        *("--exclude-operation-id", "current.ensure"),
        # the engine that it asks is not there: a 503, as the document says
        *("--exclude-operation-id", "computes.ps"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Tested:" in done.stdout
