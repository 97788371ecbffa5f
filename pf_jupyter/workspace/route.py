"""What a route of the server is, and short ways to write one down."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

PREFIX = "pf/api"
"""Below the server's base URL."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class Route:
    """One verb of the server.

    Parameters
    ----------
    name
        ``noun.verb``.
    method, path
        The path is below `PREFIX`; ``{name}`` stands for one segment of it.
    summary
        One line for the document.
    kind
        ``call`` answers when it is done. ``long`` answers 202 at once with an
        operation that goes on by itself. ``stream`` answers with events, ``file`` with
        the content of a file.
    status
        Of the answer when all is well.
    location
        Name of the route that shows what a 201 made.
    people_only
        Refused to tokens of kernels.
    """

    name: str
    method: Method
    path: str
    summary: str
    kind: Literal["call", "long", "stream", "file"] = "call"
    status: int = 200
    location: str | None = None
    people_only: bool = False

    @property
    def parameters(self) -> list[str]:
        """The names of the parts of the path that vary."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def noun(self) -> str:
        """The noun that it belongs to."""
        return self.name.partition(".")[0]

    def url(self, /, **values: str) -> str:
        """Return the path for these values, below the server's base URL."""
        quoted = {name: quote(value, safe="") for name, value in values.items()}
        return f"{PREFIX}/{self.path.format(**quoted)}"


def call(name: str, line: str, summary: str, **more: object) -> Route:
    """Return a route that answers when it is done."""
    method, path = line.split()
    return Route(name, method, path, summary, **more)  # type: ignore[arg-type]


def long(name: str, line: str, summary: str) -> Route:
    """Return a route whose work goes on after it has answered."""
    return call(name, line, summary, kind="long", status=202)


def file(name: str, line: str, summary: str) -> Route:
    """Return a route that answers with the content of a file."""
    return call(name, line, summary, kind="file")


def gone(name: str, line: str, summary: str, **more: object) -> Route:
    """Return a route that answers with nothing."""
    return call(name, line, summary, status=204, **more)
