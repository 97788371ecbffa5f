"""Whether somebody is there to look at a panel while it lives."""

from __future__ import annotations


def attended() -> bool:
    """Return whether somebody may look at a widget while it lives.

    A kernel that runs a notebook for nobody (nbconvert, papermill) takes no input: its
    outputs are read later, when no widget answers any more.
    """
    import os
    import sys

    if os.environ.get("SERVER_SOFTWARE", "").startswith("voila"):
        return True
    package = sys.modules.get("ipykernel.kernelapp")
    if package is None:
        return False
    application = package.IPKernelApp
    if not application.initialized():
        return False
    kernel = application.instance().kernel
    return bool(getattr(kernel, "_allow_stdin", True))
