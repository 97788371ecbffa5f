"""Names of promptflow-tools; they say so when they are used."""

from promptflow._unavailable import unavailable

_PACKAGE = "promptflow-tools"

OpenAI = unavailable(__name__ + ".OpenAI", _PACKAGE)
