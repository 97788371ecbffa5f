"""Lets docker-py speak to an engine as we do: over our own TLS, and undisturbed."""

from __future__ import annotations

import ssl
from typing import Any

from pf_jupyter.engines.docker_address import KEEPALIVE, Address


def prepare(client: Any, address: Address) -> None:
    """Set up a client that was just made, before it connects."""
    # REQUESTS_CA_BUNDLE and proxies of this process are not meant for the engine
    client.trust_env = False
    if address.scheme in ("unix", "npipe"):
        return
    if address.certificates is not None:
        client.mount("https://", _adapter(address.certificates.context()))
    adapter: Any = client.get_adapter(client.base_url)
    adapter.poolmanager.connection_pool_kw["socket_options"] = KEEPALIVE


def _adapter(context: ssl.SSLContext) -> Any:
    from requests.adapters import HTTPAdapter

    class OurContext(HTTPAdapter):
        """Checks and presents what our context says, and nothing from files."""

        def init_poolmanager(self, *given: Any, **options: Any) -> None:
            super().init_poolmanager(*given, **options, ssl_context=context)

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            # requests would add the authorities of the public web to the context
            conn.cert_reqs = "CERT_REQUIRED" if verify else "CERT_NONE"

    return OurContext()
