"""A company's network: its authority and proxy reach builds, installs, runtimes."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.environments.reach import reach
from pf_jupyter.errors import PfError
from pf_jupyter.workspace import doctor_network
from pf_jupyter.workspace.local import LocalWorkspace

from ..company import Authority, Proxy, joining, serving
from .environment_places import definition, wheel

pytestmark = pytest.mark.docker

FLOW = """\
inputs:
  url: {type: string}
outputs:
  got: {type: string, reference: "${get.output}"}
nodes:
- name: get
  type: python
  source: {type: code, path: get.py}
  inputs: {url: "${inputs.url}"}
"""
CODE = """\
import urllib.request
from promptflow.core import tool
@tool
def get(url: str) -> str:
    try:
        return urllib.request.urlopen(url, timeout=60).read().decode()
    except OSError as error:
        return str(error)
"""


@dataclass
class Company:
    """What everybody in it has: an index over TLS, and a proxy before it."""

    authority: Authority
    host: str
    port: int
    proxy: Proxy

    @property
    def index(self) -> str:
        return f"https://{self.host}:{self.port}/simple/"


@pytest.fixture
def company(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Company]:
    """Its servers, where containers reach them; this machine is told of both."""
    network = client.inspect_network("bridge")
    host = network["IPAM"]["Config"][0].get("Gateway") or "172.17.0.1"
    folder = tmp_path / "served"
    made = wheel(folder, "pf_company", "1.0", source="VALUE = 'of the company'\n")
    page = folder / "simple" / "pf-company"
    page.mkdir(parents=True)
    link = f'<a href="/{made.name}">{made.name}</a>'
    (page / "index.html").write_text(f"<html><body>{link}</body></html>")
    (folder / "hello").write_text("from inside")
    authority = Authority(tmp_path / "authority")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"):
        monkeypatch.setenv(name, str(authority.bundle))
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    # a busy machine is no network that fails
    patient = functools.partial(reach, seconds=60.0)
    monkeypatch.setattr(doctor_network, "reach", patient)
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS", "UV_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    context = authority.context(host)
    with serving(folder, host, context) as port, joining(host) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{host}:{proxy.port}")
        made_company = Company(authority, host, port, proxy)
        monkeypatch.setenv("UV_DEFAULT_INDEX", made_company.index)
        yield made_company


def test_authority_and_proxy_reach_builds_installs_and_runtimes(
    company: Company,
    workspace: LocalWorkspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = f"{company.host}:{company.port}"
    name = f"company-{uuid.uuid4().hex[:8]}"
    # a build: pip in a Dockerfile trusts the authority and goes through the proxy
    source = definition(
        tmp_path / name,
        name,
        dockerfile=["RUN pip install --no-cache-dir -r requirements.txt"],
        requirements=[f"-i {company.index}", "pf-company"],
    )
    built = workspace.environments.build(source)
    assert {"pf-company": "1.0"}.items() <= {
        package.name: package.version for package in built.packages
    }.items()
    assert place in company.proxy.asked
    made = workspace.environments.publish(source)
    # nothing of the proxy stays in the image
    engine = workspace.core.life.computes.engine("docker")
    assert company.host not in str(engine.image(made.image))

    # an installation: uv on this side, the same way
    company.proxy.asked.clear()
    runtime = workspace.runtimes.create("inside")
    runtime.install("pf-company")
    assert place in company.proxy.asked

    # a runtime: Python's libraries in it trust the authority and use the proxy
    company.proxy.asked.clear()
    flow = tmp_path / "flow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(FLOW)
    (flow / "get.py").write_text(CODE)
    result = runtime.run(flow, url=f"https://{place}/hello")
    assert result.outputs == {"got": "from inside"}
    assert company.proxy.asked == [place]
    # and the doctor sees all of it
    checks = {check.name: check for check in workspace.doctor()}
    assert checks["index"].status == "pass"
    assert "through the proxy" in checks["index"].message

    # somebody who was not told of the authority is told what is missing
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"):
        monkeypatch.delenv(variable)
    with pytest.raises(PfError) as caught:
        runtime.install("pf-other")
    assert caught.value.code == "index_certificate", caught.value
    check = {one.name: one for one in workspace.doctor()}["index"]
    assert "TLS failed" in check.message
    assert "SSL_CERT_FILE" in check.hint
