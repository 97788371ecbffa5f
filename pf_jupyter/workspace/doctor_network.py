"""What the doctor finds out about the network: certificates, proxies, who answers.

All addresses are tried side by side, so that a network which swallows everything costs
a few seconds and no more.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..connections.stored import visible
from ..environments import corporate, uv
from ..environments.reach import Reached, bundle_problem, host_of, reach
from .api import CheckResult

if TYPE_CHECKING:
    from .core import Core

CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
_ADDRESSES = ("api_base", "endpoint", "base_url", "url")
_AT_ONCE = 16


def certificates() -> CheckResult:
    """Tell which certificate authorities are used, and whether they can be read."""
    named = {name: os.environ[name] for name in CA_VARIABLES if os.environ.get(name)}
    for name, path in named.items():
        problem = bundle_problem(Path(path))
        if problem:
            return CheckResult(
                "certificates",
                "fail",
                f"{name}={path} {problem}",
                "correct or unset it",
            )
    words = [f"{name} is used" for name in named]
    return CheckResult("certificates", "pass", ", ".join(words) or "the system's own")


def network(core: Core | None) -> Iterator[CheckResult]:
    """Yield a line for each place that something is fetched from, and how far it went.

    Parameters
    ----------
    core
        Of the workspace; None when its store does not open.
    """
    wanted = dict(_places(core))
    if not any(name.startswith("registry") for name in wanted):
        yield _no_registry()
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pf-doctor") as pool:
        found = {name: pool.submit(reach, url) for name, url in wanted.items()}
        yield from _proxies()
        for name, future in found.items():
            yield _shown(name, wanted[name], future.result())


def _no_registry() -> CheckResult:
    text = "none is configured: the engine uses its own"
    if sys.platform == "linux":
        text = "none is configured: the base image is made from this machine's Python"
    return CheckResult("registry", "pass", text)


def _proxies() -> Iterator[CheckResult]:
    found = corporate.proxy_arguments()
    hosts = {name: host_of(value) for name, value in found.items() if name.isupper()}
    skipped = found.get("NO_PROXY", "")
    hosts.pop("NO_PROXY", None)
    if not hosts:
        return
    for name, host in hosts.items():
        answer = reach(f"http://{host}/", environment={})
        # a proxy may answer anything to a question that is not one for a proxy
        works = answer.hop in ("", "login", "answer")
        text = f"{name} is {host}" + (f", but for {skipped}" if skipped else "")
        if works:
            yield CheckResult(f"proxy {name}", "pass", text)
        else:
            hint = f"correct {name}, or start the proxy"
            message = f"{text}; {answer.hop}: {answer.message}"
            yield CheckResult(f"proxy {name}", "fail", message, hint)


def _places(core: Core | None) -> Iterator[tuple[str, str]]:
    for number, url in enumerate(index_urls()):
        yield ("index" if not number else f"index {number + 1}"), url
    for host in _registries(core):
        local = host.partition(":")[0] in ("localhost", "127.0.0.1")
        yield f"registry {host}", f"{'http' if local else 'https'}://{host}/v2/"
    if core is None:
        return
    may_see = visible.get()
    for record in core.connections.all():
        for field in _ADDRESSES if may_see(record) else ():
            value = str(record.configs.get(field) or "")
            if value.startswith(("http://", "https://")):
                yield f"connection {record.name}", value
                break


def _registries(core: Core | None) -> list[str]:
    found = [os.environ.get("PF_JUPYTER_REGISTRY", "").partition("/")[0]]
    if core is not None:
        for version in core.store.environments.versions():
            if not version.archived:
                found += [name.partition("/")[0] for name in version.registries]
    return list(dict.fromkeys(host for host in found if host))


def index_urls(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the indexes that packages are looked for in, files left out."""
    told = {**environment, **uv.settings(environment)}
    first = told.get("UV_DEFAULT_INDEX") or told.get("UV_INDEX_URL") or _usual()
    more = told.get("UV_INDEX") or told.get("UV_EXTRA_INDEX_URL") or ""
    if told.get("UV_NO_INDEX"):
        return []
    urls = [w if w.startswith("http") else w.partition("=")[2] for w in more.split()]
    return [url for url in (first, *urls) if url.startswith(("http://", "https://"))]


def _usual() -> str:
    """Return where packages come from when nothing is configured; empty if unknown."""
    # pip knows, where it is there: nothing of ours needs it otherwise
    try:
        found = importlib.import_module("pip._internal.models.index")
    except ImportError:
        return ""
    return str(found.PyPI.simple_url)


def _shown(name: str, url: str, found: Reached) -> CheckResult:
    if found.ok:
        return CheckResult(name, "pass", found.message)
    # what is here already goes on working: nothing of this is needed all the time
    status: Literal["warn", "fail"] = "warn"
    message = f"{host_of(url)}: {found.hop} failed: {found.message}"
    return CheckResult(name, status, message, found.hint)
