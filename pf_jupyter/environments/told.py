"""What an image tells of itself: read in a registry by whoever fetches none of it.

Packages are known once the image was tried, and what is new in a version once somebody
publishes it. Both go into labels, in a step that adds nothing else.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from pathlib import Path

from pf_jupyter.engines.api import LABEL, BuildOptions, Engine, ImageInfo

PACKAGES_LABEL = f"{LABEL}.packages"
"""``name==version`` with blanks between, packed when there are many."""

PYTHON_LABEL = f"{LABEL}.python-version"
NOTES_LABEL = f"{LABEL}.notes"
"""What is new in a version, in its publisher's words."""

_PACKED = "zlib:"
_LONG = 4096
_MOST_BYTES = 4_000_000


def listed(packages: Mapping[str, str]) -> str:
    """Return packages as a label holds them.

    >>> listed({"b": "2", "a": "1.0"})
    'a==1.0 b==2'
    """
    text = " ".join(f"{name}=={found}" for name, found in sorted(packages.items()))
    if len(text) <= _LONG:
        return text
    packed = zlib.compress(text.encode(), 9)
    return _PACKED + base64.b64encode(packed).decode("ascii")


def read_listed(text: str) -> dict[str, str] | None:
    """Return what `listed` wrote; None when it tells nothing, or is damaged."""
    if text.startswith(_PACKED):
        try:
            data = base64.b64decode(text.removeprefix(_PACKED), validate=True)
            # whoever made the image wrote this: it may be anything
            text = zlib.decompressobj().decompress(data, _MOST_BYTES).decode()
        except (binascii.Error, zlib.error, UnicodeDecodeError):
            return None
    pairs = (item.partition("==") for item in text.split())
    return {name: version for name, _, version in pairs if name} or None


def packages_of(image: ImageInfo) -> dict[str, str] | None:
    """Return the packages that an image says it holds, None if it does not say."""
    return read_listed(image.labels.get(PACKAGES_LABEL) or "")


def tell(
    engine: Engine,
    image: ImageInfo,
    labels: Mapping[str, str],
    *,
    source: str,
    reference: str,
    mark: str,
    folder: Path,
) -> ImageInfo:
    """Give an image further labels; one that has them already is given back.

    Parameters
    ----------
    engine
        That has it.
    image
        What is known of it.
    labels
        What it is to tell.
    source, reference
        What it is called, and what the one with labels is to be called.
    mark
        As in `BuildOptions`.
    folder
        Any folder: none of it is sent.

    Raises
    ------
    RuntimeFailed, Unreachable
        As `Engine.build`.
    """
    if labels.items() <= image.labels.items() and source == reference:
        return image
    options = BuildOptions(text=f"FROM {source}\n", files=(), mark=mark)
    known = {**image.labels, **labels}
    return engine.build(folder, reference, labels=known, options=options)
