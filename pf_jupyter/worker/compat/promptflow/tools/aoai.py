"""Names of promptflow-tools; they say so when they are used."""

from promptflow._unavailable import unavailable

_PACKAGE = "promptflow-tools"

AzureOpenAI = unavailable(__name__ + ".AzureOpenAI", _PACKAGE)
chat = unavailable(__name__ + ".chat", _PACKAGE)
completion = unavailable(__name__ + ".completion", _PACKAGE)
embedding = unavailable(__name__ + ".embedding", _PACKAGE)
