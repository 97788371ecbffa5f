"""Names of promptflow-tools; they say so when they are used."""

from promptflow._unavailable import unavailable

_PACKAGE = "promptflow-tools"

render_jinja_template = unavailable(__name__ + ".render_jinja_template", _PACKAGE)
parse_chat = unavailable(__name__ + ".parse_chat", _PACKAGE)
