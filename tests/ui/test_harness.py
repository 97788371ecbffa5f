"""The harness itself: a server, a notebook, a widget, a theme, a picture."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser


def test_a_cell_runs_and_a_widget_shows(lab):
    lab.notebook(
        "import ipywidgets\nipywidgets.Button(description='press me')",
        "import pf_jupyter\npf_jupyter.connect()",
    )
    lab.run_all()
    lab.output(0).get_by_role("button", name="press me").wait_for()
    # under the base URL the kernel found the server that started it
    lab.output(1).get_by_text(lab.server.url.rstrip("/")).wait_for()
    lab.theme("dark")
    assert lab.shot("harness").stat().st_size > 1000
    lab.theme("light")
    lab.check_accessible(".jp-OutputArea-output .jupyter-button")
    lab.check_quiet()
