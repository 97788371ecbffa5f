"""Brings what runs chunks to a cluster's workers, and to those that come later."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Callable, Optional

_FOLDER = Path(__file__).with_name("remote")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def furnish(client: Any) -> Any:
    """Give workers the package `remote`; return its module ``chunks``.

    It has a name that tells its contents, here and there: no other version of ours that
    is installed somewhere, or was brought by somebody else, takes its place.
    """
    from distributed.diagnostics import plugin

    files = {path.name: path.read_bytes() for path in sorted(_FOLDER.glob("*.py"))}
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
    name = f"pf_jupyter_chunks_{digest}"
    with tempfile.TemporaryDirectory(prefix="pf-dask-") as folder:
        path = os.path.join(folder, f"{name}.zip")
        with zipfile.ZipFile(path, "w") as archive:
            for file, content in files.items():
                archive.writestr(zipfile.ZipInfo(f"{name}/{file}", _EPOCH), content)
        for kind in ("SchedulerUploadFile", "UploadFile"):
            make: Optional[Callable[[str], Any]] = getattr(plugin, kind, None)
            if make is not None:
                carrier = make(path)
                # What is there under this name is the same already.
                carrier.idempotent = True
                client.register_plugin(carrier, name=f"{name}-{kind}")
    return _here(name)


def _here(name: str) -> Any:
    """Return the same module under the same name in this process."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name,
            str(_FOLDER / "__init__.py"),
            submodule_search_locations=[str(_FOLDER)],
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return importlib.import_module(f"{name}.chunks")
