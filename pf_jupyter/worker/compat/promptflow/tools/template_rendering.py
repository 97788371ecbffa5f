"""A tool that renders a template."""

from promptflow._core.tool import tool
from promptflow.tools.common import render_jinja_template


@tool
def render_template_jinja2(template: str, **kwargs):
    """Return a jinja2 template with its variables filled in, the last newline kept."""
    return render_jinja_template(template, **kwargs)
