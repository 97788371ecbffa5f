"""What ``benchmarks/batch_repeated.py`` counts: ten batches leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]


def test_ten_batches_leave_no_file_thread_process_or_container(
    docker_host: str,
) -> None:
    # in a process of its own: this one has files and threads of other tests
    script = ROOT / "benchmarks" / "batch_repeated.py"
    done = subprocess.run(
        [sys.executable, str(script), "--counts", "--rounds=1", "--rows=300"],
        env={**os.environ, "DOCKER_HOST": docker_host, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "after batch 10:" in done.stdout
    assert "more than after the first: nothing" in done.stdout
