"""The tutorials, executed as they are against a real container.

Cells whose output holds times or names of containers carry the tag nbval-ignore-output;
the cells after them compare what came of it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def surroundings(folder: Path) -> dict[str, str]:
    """A home of its own, and no key: the stored answers are those of the stand-in."""
    # what pytest was told for this run is not meant for the notebook's
    left_out = ("OPENAI_", "PYTEST_ADDOPTS")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    return {**kept, "PF_JUPYTER_HOME": str(folder / "home")}


@pytest.fixture
def engine_tidied(docker_engine):
    """An engine without what the tutorials publish: they keep it, we do not."""
    yield docker_engine
    for image in docker_engine.images({"pf_jupyter.environment": "tutorial-env"}):
        for name in image.tags:
            docker_engine.remove_image(name)


@pytest.mark.docker
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_gives_its_stored_outputs(notebook, tmp_path, engine_tidied):
    command = [
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"),
        # The notebooks' own run is not subject to this project's pytest settings.
        *("-c", os.devnull, "--rootdir", str(notebook.parent), "-W", "default"),
        *("--nbval", "--nbval-cell-timeout", "300", str(notebook)),
    ]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=surroundings(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_with_its_outputs(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    assert sum(bool(cell["outputs"]) for cell in code) > len(code) / 2
