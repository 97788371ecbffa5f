"""A tool that searches the web through SerpAPI."""

import json
from enum import Enum
from urllib.parse import urlencode

from promptflow._core.tool import ToolProvider, tool
from promptflow.connections import SerpConnection
from promptflow.tools._http import Refused, fetch
from promptflow.tools.exception import SerpAPISystemError, SerpAPIUserError

SEARCH_URL = "https://serpapi.com/search"


class SafeMode(str, Enum):
    """Whether results for adults are left out."""

    ACTIVE = "active"
    OFF = "off"


class Engine(str, Enum):
    """Search engines."""

    GOOGLE = "google"
    BING = "bing"


class SerpAPI(ToolProvider):
    """Searches with one connection's key."""

    def __init__(self, connection: SerpConnection):
        super().__init__()
        self.connection = connection

    @tool
    def search(
        self,
        query: str,
        location: str = None,
        safe: SafeMode = SafeMode.OFF,
        num: int = 10,
        engine: Engine = Engine.GOOGLE,
    ):
        """Search; see `search` of this module."""
        return search(self.connection, query, location, safe, num, engine)


@tool
def search(
    connection: SerpConnection,
    query: str,
    location: str = None,
    safe: SafeMode = SafeMode.OFF,
    num: int = 10,
    engine: Engine = Engine.GOOGLE,
):
    """Return what SerpAPI found, as it says it.

    Parameters
    ----------
    connection
        Holds the key.
    query
        What to search for.
    location
        Where to search from.
    safe
        active or off.
    num
        How many results.
    engine
        google or bing.
    """
    engine = Engine(engine)
    asked = {
        "q": query,
        "location": location,
        "engine": engine.value,
        "api_key": connection.api_key,
    }
    if engine is Engine.GOOGLE:
        asked.update(num=num, safe=SafeMode(safe).value)
    else:
        strict = SafeMode(safe) is SafeMode.ACTIVE
        asked.update(count=num, safeSearch="Strict" if strict else "Off")
    url = SEARCH_URL + "?" + urlencode({k: v for k, v in asked.items() if v})
    try:
        return json.loads(fetch(url))
    except Refused as error:
        is_user = 400 <= error.status < 500
        kind = SerpAPIUserError if is_user else SerpAPISystemError
        raise kind(f"SerpAPI: {error}") from None
