"""Names of promptflow-tools; they say so when they are used."""

from promptflow._unavailable import unavailable

_PACKAGE = "promptflow-tools"

render_template_jinja2 = unavailable(__name__ + ".render_template_jinja2", _PACKAGE)
