"""Names of promptflow-tools; they say so when they are used."""

from promptflow._unavailable import unavailable

_PACKAGE = "promptflow-tools"

OpenModelLLM = unavailable(__name__ + ".OpenModelLLM", _PACKAGE)
