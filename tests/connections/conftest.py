"""A store for connections, and a flow that tells its secret to everybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from pf_jupyter.connections.stored import StoredConnections
from pf_jupyter.store.store import Store

LEAKY = """
import base64, hashlib, json, os, subprocess, sys, time, warnings
from promptflow.connections import CustomConnection
from promptflow.core import log_metric, tool

AT_IMPORT = os.environ["FROM_CONNECTION"]


@tool
def tell(service: CustomConnection, how: str):
    key = service.secrets["key"]
    assert AT_IMPORT == os.environ["FROM_CONNECTION"] == key == service.key
    print("printed", key, service)
    print("in JSON", json.dumps({"key": key}), dict(service))
    print("encoded", base64.b64encode(key.encode()).decode())
    sys.stdout.write(f"in pieces {key[:5]}")
    time.sleep(0.05)
    sys.stdout.write(f"{key[5:]}" + chr(10))
    os.write(1, f"around Python {key}{chr(10)}".encode())
    command = [sys.executable, "-c", "import os; print(os.environ['FROM_CONNECTION'])"]
    subprocess.run(command)
    warnings.warn(f"warned {key}")
    if how == "raise":
        try:
            raise KeyError(key)
        except KeyError:
            raise ValueError(f"raised with {key}")
    if how == "crash":
        os.write(2, f"the last words {key}".encode())
        os._exit(3)
    if how == "stream":
        def pieces():
            for letter in f"streamed {key}.":
                yield letter
                time.sleep(0.005)
        return pieces()
    if how == "wait":
        time.sleep(2)
    return {
        "key": key,
        key: [key, {"deep": f"returned {key}"}],
        "digest": hashlib.sha256(key.encode()).hexdigest(),
    }
"""
FLOW = """
environment_variables: {FROM_CONNECTION: "${service.key}"}
inputs:
  how: {type: string, default: return}
outputs:
  told: {type: object, reference: "${tell.output}"}
nodes:
- name: tell
  type: python
  source: {type: code, path: tell.py}
  inputs: {service: service, how: "${inputs.how}"}
"""


def write_leaky(folder: Path) -> Path:
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "tell.py").write_text(LEAKY)
    return folder


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def stored(store, monkeypatch):
    monkeypatch.setenv("PF_JUPYTER_KEYRING", "0")
    return StoredConnections(store)
