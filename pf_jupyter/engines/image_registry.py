"""Asks image registries what they hold: tags, and facts of an image, fetching none.

An engine's own interface tells the digest under one name and no more, so these
questions go from this process to the registry, in the protocol that all of them speak.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    Request,
    build_opener,
)

from pf_jupyter.engines.api import ImageInfo, Login
from pf_jupyter.errors import NotFound, PfError, Refused, Unreachable

ASK_SECONDS = 5.0
"""How long one answer may take."""

_HUB, _HUB_HOST = "docker.io", "registry-1.docker.io"
_MOST_PAGES = 50
_MOST_BYTES = 4_000_000
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*rel="?next"?')
_LISTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

Logins = Callable[[str], Login | None]
"""Gives the login for the name of a registry, None for none."""


class Place(NamedTuple):
    """Where an image is: the registry's host and port, and the path in it."""

    host: str
    path: str


def place_of(repository: str) -> Place:
    """Return where a repository is; one without a host is on Docker's own registry.

    >>> place_of("localhost:5000/team/env")
    Place(host='localhost:5000', path='team/env')
    >>> place_of("python")
    Place(host='docker.io', path='library/python')
    """
    first, _, rest = repository.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return Place(first, rest)
    return Place(_HUB, repository if rest else f"library/{repository}")


@dataclass
class ImageRegistry:
    """One registry.

    Parameters
    ----------
    host
        Its name, with the port if it has one of its own.
    logins
        Gives the login, when it asks for one.
    """

    host: str
    logins: Logins

    def __post_init__(self) -> None:
        self._headers: dict[str, str] = {}
        self._opener = build_opener(HTTPSHandler(context=_context()), _Redirect())
        self._asked = False

    def tags(self, path: str) -> list[str]:
        """Return the tags of a repository, in the registry's order.

        Raises
        ------
        NotFound
            There is no such repository.
        Refused, Unreachable
            It says no, or nothing.
        """
        found: list[str] = []
        url: str | None = f"{self._base}/v2/{path}/tags/list?n=1000"
        for _ in range(_MOST_PAGES):
            if url is None:
                break
            headers, data = self._get(url, path)
            found += [str(tag) for tag in _read(data, self.host).get("tags") or ()]
            following = _NEXT.search(headers.get("Link") or "")
            url = urljoin(url, following[1]) if following else None
        return list(dict.fromkeys(found))

    def image(self, path: str, tag: str, platform: str) -> ImageInfo:
        """Return what is known of an image; its id is what an engine would call it.

        Parameters
        ----------
        path, tag
            Of the image.
        platform
            ``linux/amd64``, say: taken out of an image for several.

        Raises
        ------
        NotFound, Refused, Unreachable
        """
        accepted = ", ".join([*_MANIFESTS, *_LISTS])
        headers, data = self._get(
            f"{self._base}/v2/{path}/manifests/{tag}", path, accepted
        )
        manifest = _read(data, self.host)
        digest = headers.get("Docker-Content-Digest") or ""
        if manifest.get("manifests"):
            one = _for_platform(manifest["manifests"], platform)
            _, data = self._get(
                f"{self._base}/v2/{path}/manifests/{one}", path, accepted
            )
            manifest = _read(data, self.host)
        config = manifest.get("config") or {}
        _, data = self._get(
            f"{self._base}/v2/{path}/blobs/{config.get('digest')}", path
        )
        facts = _read(data, self.host)
        reference = f"{self.host}/{path}"
        return ImageInfo(
            id=str(config.get("digest") or ""),
            tags=(f"{reference}:{tag}",),
            size=sum(int(one.get("size") or 0) for one in manifest.get("layers") or ()),
            labels=dict((facts.get("config") or {}).get("Labels") or {}),
            created_at=_moment(facts.get("created")),
            registry_digests=(f"{reference}@{digest}",) if digest else (),
        )

    @property
    def _base(self) -> str:
        host = _HUB_HOST if self.host == _HUB else self.host
        return f"{'http' if _is_loopback(host) else 'https'}://{host}"

    def _get(
        self, url: str, path: str, accepted: str = "application/json"
    ) -> tuple[Mapping[str, str], bytes]:
        headers = {"Accept": accepted, **self._headers}
        try:
            answer = self._opener.open(
                Request(url, headers=headers), timeout=ASK_SECONDS
            )
            with answer:
                return dict(answer.headers.items()), answer.read(_MOST_BYTES)
        except HTTPError as error:
            with error:
                challenge = error.headers.get("WWW-Authenticate") or ""
            if error.code == 401 and challenge and not self._asked:
                self._asked = True
                self._headers = self._answer_to(challenge, path)
                return self._get(url, path, accepted)
            raise self._meaning(error.code, path) from error
        except (URLError, OSError, http.client.HTTPException, ValueError) as error:
            raise self._silent(error) from error

    def _answer_to(self, challenge: str, path: str) -> dict[str, str]:
        """Return the header that a registry asks for."""
        login = self.logins(self.host)
        kind, _, rest = challenge.partition(" ")
        basic = {} if login is None else {"Authorization": _basic(login)}
        if kind.lower() != "bearer":
            return basic
        wanted = dict(_CHALLENGE.findall(rest))
        query = {"service": wanted.get("service", ""), "scope": wanted.get("scope", "")}
        query["scope"] = query["scope"] or f"repository:{path}:pull"
        realm = wanted.get("realm", "")
        if urlsplit(realm).scheme != "https" and not _is_loopback(
            urlsplit(realm).netloc
        ):
            # a login is not sent where others can read it
            raise self._meaning(401, path)
        url = f"{realm}?{urlencode({k: v for k, v in query.items() if v})}"
        _, data = self._get_token(url, basic, path)
        token = _read(data, self.host)
        return {
            "Authorization": f"Bearer {token.get('token') or token.get('access_token')}"
        }

    def _get_token(
        self, url: str, headers: Mapping[str, str], path: str
    ) -> tuple[Mapping[str, str], bytes]:
        try:
            request = Request(url, headers=dict(headers))
            with self._opener.open(request, timeout=ASK_SECONDS) as answer:
                return dict(answer.headers.items()), answer.read(_MOST_BYTES)
        except HTTPError as error:
            error.close()
            raise self._meaning(error.code, path) from error
        except (URLError, OSError, http.client.HTTPException, ValueError) as error:
            raise self._silent(error) from error

    def _meaning(self, status: int, path: str) -> PfError:
        reference = f"{self.host}/{path}"
        if status == 404:
            return NotFound(
                f"the registry has no {reference}",
                code="image_not_found",
                hint="check the name; publish sends a first version there",
            )
        if status in (401, 403):
            return Refused(
                f"the registry refused {reference}",
                code="registry_refused",
                hint=f"log in with: docker login {self.host}; a repository that does "
                "not exist looks the same",
            )
        return Unreachable(
            f"the registry {self.host} answered {status}",
            code="registry_unreachable",
            hint="try it again later",
        )

    def _silent(self, error: BaseException) -> Unreachable:
        cause = getattr(error, "reason", None) or error
        words = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        return Unreachable(
            f"the registry {self.host} does not answer: {words}",
            code="registry_unreachable",
            hint="check the network, the proxy and the certificates of this machine",
        )


class _Redirect(HTTPRedirectHandler):
    """Follows to where blobs are, without telling that place our login."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and urlsplit(newurl).netloc != req.host:
            following.remove_header("Authorization")
        return following


def _basic(login: Login) -> str:
    pair = f"{login.username}:{login.password}".encode()
    return f"Basic {base64.b64encode(pair).decode('ascii')}"


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    for name in _CA_VARIABLES:
        file = os.environ.get(name)
        if file and os.path.isfile(file):
            context.load_verify_locations(file)
    return context


def _is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, where engines speak without TLS."""
    name = host.rpartition(":")[0] if ":" in host else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"


def _read(data: bytes, host: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreachable(
            f"{host} answers, and is no registry of images",
            code="registry_unreachable",
            hint="check the address: a proxy's page looks like this, too",
        )
    return found


def _for_platform(manifests: list[dict[str, Any]], platform: str) -> str:
    system, _, machine = platform.partition("/")
    for one in manifests:
        about = one.get("platform") or {}
        if (about.get("os"), about.get("architecture")) == (system, machine):
            return str(one.get("digest"))
    return str(manifests[0].get("digest"))


def _moment(text: object) -> datetime | None:
    # registries write more digits than Python reads
    found = re.match(
        r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(Z|[+-].*)", str(text)
    )
    if found is None:
        return None
    zone = "+00:00" if found[3] == "Z" else found[3]
    return datetime.fromisoformat(f"{found[1]}{found[2] or ''}{zone}")
