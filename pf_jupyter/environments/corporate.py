"""What a company's network needs in a build: its proxy, its certificate authority."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pf_jupyter.environments.interpreter import certificate_bundle

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
_BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
BUNDLE_IN_IMAGE = "/etc/pf_jupyter/ca-certificates.crt"
BUNDLE_IN_CONTEXT = ".pf_jupyter-ca-certificates.crt"


def proxy_arguments(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the proxies of this machine as build arguments, in both spellings.

    Engines know these names: they reach every step and stay in no image.
    """
    found: dict[str, str] = {}
    for name in _PROXIES:
        value = environment.get(name) or environment.get(name.lower())
        if value:
            found[name] = found[name.lower()] = value
    return found


def runtime_variables(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the proxies of this machine as variables of a container.

    They show to everybody who may inspect it, so one with a login is left out, and so
    is one on loopback, which a container does not reach.
    """
    return {
        name: value
        for name, value in proxy_arguments(environment).items()
        if "@" not in value and not proxy_on_loopback({name: value})
    }


def proxy_on_loopback(arguments: Mapping[str, str]) -> bool:
    """Tell whether a proxy listens on this machine alone."""
    for name, value in arguments.items():
        if name.upper() == "NO_PROXY":
            continue
        host = urlsplit(value if "//" in value else f"//{value}").hostname or ""
        if host in ("localhost", "::1") or host.startswith("127."):
            return True
    return False


def own_authorities(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the bundle that this machine was told to trust, None when it was not."""
    if not any(environment.get(name) for name in _BUNDLE_VARIABLES):
        return None
    return certificate_bundle(environment)


def trusting_lines(on: str = BUNDLE_IN_CONTEXT) -> list[str]:
    """Return the instructions that make an image trust the bundle in its context."""
    variables = " ".join(f"{name}={BUNDLE_IN_IMAGE}" for name in _BUNDLE_VARIABLES)
    return [f"COPY {on} {BUNDLE_IN_IMAGE}", f"ENV {variables}"]
