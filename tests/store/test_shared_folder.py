"""Several stores on one folder: what one writes, all see, whoever closes first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pf_jupyter.store.store import Store

READ = """
import sys
from pathlib import Path
from pf_jupyter.store.store import Store
store = Store(Path(sys.argv[1]))
print(store.setting("key"))
store.close()
"""


def elsewhere(folder: Path) -> str:
    """Return what a process of its own reads."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_second_store_in_a_process_takes_nothing_from_the_first(
    tmp_path: Path, kept_in: str
) -> None:
    first = Store(tmp_path)
    try:
        first.remember("key", "one")
        Store(tmp_path).close()
        # if the first one had lost its locks, this process would take itself for the
        # last and clear away what the first one goes on writing to
        assert elsewhere(tmp_path) == "one"
        first.remember("key", "two")
        assert elsewhere(tmp_path) == "two"
    finally:
        first.close()
