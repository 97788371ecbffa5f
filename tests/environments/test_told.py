"""What images tell of themselves in their labels."""

from __future__ import annotations

import base64
import zlib

import pytest

from pf_jupyter.engines.api import ImageInfo
from pf_jupyter.environments.told import listed, packages_of, read_listed


def test_few_packages_are_read_as_they_stand() -> None:
    packages = {"openai": "3.54", "jinja2": "3.1.6"}
    assert listed(packages) == "jinja2==3.1.6 openai==3.54"
    assert read_listed(listed(packages)) == packages
    image = ImageInfo("sha256:1", (), 1, {"pf_jupyter.packages": listed(packages)})
    assert packages_of(image) == packages


def test_many_are_packed() -> None:
    packages = {f"package-number-{number}": f"{number}.0" for number in range(900)}
    text = listed(packages)
    assert len(text) < 12_000
    assert " " not in text
    assert read_listed(text) == packages


@pytest.mark.parametrize(
    "text",
    ["", "zlib:", "zlib:%%%", "zlib:aGVsbG8=", "zlib:eJw="],
)
def test_what_is_damaged_tells_nothing(text: str) -> None:
    assert read_listed(text) is None


def test_a_label_cannot_fill_the_memory() -> None:
    bomb = zlib.compress(b"a==1 " * 20_000_000, 9)
    found = read_listed("zlib:" + base64.b64encode(bomb).decode())
    assert found == {"a": "1"}
