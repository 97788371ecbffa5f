"""Names of promptflow-tools; they say so when they are used."""

from promptflow._unavailable import unavailable

_PACKAGE = "promptflow-tools"

analyze_text = unavailable(__name__ + ".analyze_text", _PACKAGE)
