"""Names of promptflow-tools; they say so when they are used."""

from promptflow._unavailable import unavailable

_PACKAGE = "promptflow-tools"

embedding = unavailable(__name__ + ".embedding", _PACKAGE)
