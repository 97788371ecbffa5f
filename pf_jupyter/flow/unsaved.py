"""A flow whose file is being edited: checked as it is written, before it is saved."""

from __future__ import annotations

from pathlib import Path

from pf_jupyter.flow.folder import list_folder
from pf_jupyter.flow.loaded import LoadedFlow
from pf_jupyter.flow.reader import default_name, find_flow, read_flow
from pf_jupyter.flow.snapshot import LOADER, check


def load_text(path: str | Path, text: str) -> LoadedFlow:
    """Read and check a flow with another text in the place of its file's.

    Nothing of it is kept, and nothing is written.

    Parameters
    ----------
    path
        Flow folder or flow file; the other files of the flow are those beside it.
    text
        What is in the flow file now.

    Raises
    ------
    NotFound, UsageError
        As `pf_jupyter.flow.snapshot.load`.
    """
    located = find_flow(path)
    folder = str(located.folder)
    name = default_name(located.folder.name)
    read = read_flow(text.encode("utf-8"), located.name, name)
    includes = tuple(read.flow.additional_includes) if read.flow else ()
    loaded = LoadedFlow(located.path, located.folder, located.name, read.kind)
    LOADER.take(loaded, list_folder(folder, includes), read)
    check(loaded, read, None, None)
    return loaded
