"""What the host asks about layers: to use them, and to examine what they have."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from typing import Any, Callable, Dict, List

from . import layers, process_tree, start
from .generations import Generations
from .loop import Loop

Answer = Callable[[Dict[str, Any]], None]
_LOG_BYTES = 4000


class LayerRequests:
    """Answers requests about layers.

    Parameters
    ----------
    loop
        As everywhere.
    code_folder
        Where our own package lies.
    backend
        Is renewed when the layers change.
    """

    def __init__(self, loop: Loop, code_folder: str, backend: Generations) -> None:
        self._loop = loop
        self._code_folder = code_folder
        self._backend = backend

    def use(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Let everything that begins from now on have the layers of the request."""
        folders: List[str] = request["layers"]
        missing = layers.missing(folders)
        if not missing and tuple(folders) != layers.used():
            layers.use(folders)
            self._backend.renew()
        return {"missing": missing}

    def examine(self, request: Dict[str, Any], answer: Answer) -> None:
        """Find out what a process with the layers of the request has.

        Parameters
        ----------
        request
            See :mod:`pf_jupyter.worker.protocol`.
        answer
            Told in control's thread, once.
        """
        folders: List[str] = request["layers"]
        missing = layers.missing(folders)
        if missing:
            answer({"missing": missing})
            return
        seconds = float(request["timeout"])
        question = json.dumps({"check": request["check"]}).encode("ascii")
        # Each examination has a process of its own: imported code may do anything.
        python = layers.python(folders)
        try:
            process = subprocess.Popen(
                start.command(self._code_folder, "examine", python=python),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, **layers.variables(folders)},
                start_new_session=os.name != "nt",
            )
        except OSError as error:
            answer({"missing": [], "failed": error.strerror or str(error)})
            return
        kept = self._backend.kept
        kept.add(process.pid)

        def wait() -> None:
            try:
                value = _read(*process.communicate(question, timeout=seconds))
            except subprocess.TimeoutExpired:
                process_tree.kill_tree(process.pid)
                process.communicate()
                value = {"failed": f"importing did not end within {seconds:g} seconds"}
            except (OSError, ValueError) as error:
                value = {"failed": str(error)}
            self._loop.call_from_thread(lambda: done(value))

        def done(value: Dict[str, Any]) -> None:
            kept.discard(process.pid)
            process_tree.kill_group(process.pid)
            answer({"missing": [], **value})

        threading.Thread(target=wait, daemon=True).start()


def _read(output: bytes, errors: bytes) -> Dict[str, Any]:
    try:
        value: Dict[str, Any] = json.loads(output.decode("ascii"))
        return value
    except ValueError:
        text = errors[-_LOG_BYTES:].decode("utf-8", "replace").strip()
        last = text.splitlines()[-1] if text else "it said nothing"
        return {"failed": f"the process ended before it answered: {last}"}
