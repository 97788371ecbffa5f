"""Names of promptflow-tools; they say so when they are used."""

from promptflow._unavailable import unavailable

_PACKAGE = "promptflow-tools"

SerpAPI = unavailable(__name__ + ".SerpAPI", _PACKAGE)
Engine = unavailable(__name__ + ".Engine", _PACKAGE)
SafeMode = unavailable(__name__ + ".SafeMode", _PACKAGE)
search = unavailable(__name__ + ".search", _PACKAGE)
