"""Where there are no containers there are no images: every verb says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pf_jupyter.engines.api import (
    PLAIN_BUILD,
    BuildOptions,
    ImageInfo,
    Login,
    Progress,
)
from pf_jupyter.errors import IllegalState


class NoImages:
    """The part of `ProcessEngine` that is about images."""

    def images(self, labels: Mapping[str, str]) -> list[ImageInfo]:
        """Return nothing: interpreters have no labels."""
        return []

    def pull(
        self,
        reference: str,
        progress: Progress | None = None,
        *,
        login: Login | None = None,
    ) -> ImageInfo:
        """Refuse: there are no images here."""
        raise _no_images(f"{reference} cannot be fetched")

    def push(
        self,
        reference: str,
        progress: Progress | None = None,
        *,
        login: Login | None = None,
    ) -> str:
        """Refuse: there are no images here."""
        raise _no_images(f"{reference} cannot be sent to a registry")

    def registry_digest(self, reference: str, *, login: Login | None = None) -> str:
        """Refuse: no registry is asked from here."""
        raise _no_images(f"the registry of {reference} cannot be asked")

    def tag(self, image: str, reference: str) -> None:
        """Refuse: there are no images here."""
        raise _no_images(f"{image} cannot be named {reference}")

    def save(
        self, references: Sequence[str], archive: Path, progress: Progress | None = None
    ) -> None:
        """Refuse: there are no images here."""
        raise _no_images(f"{', '.join(references)} cannot be written to {archive}")

    def load(self, archive: Path, progress: Progress | None = None) -> list[ImageInfo]:
        """Refuse: there are no images here."""
        raise _no_images(f"{archive} cannot be read")

    def import_image(
        self,
        archive: Path,
        reference: str,
        *,
        environment: Mapping[str, str],
        labels: Mapping[str, str],
        progress: Progress | None = None,
    ) -> ImageInfo:
        """Refuse: there are no images here."""
        raise _no_images(f"{reference} cannot be imported")

    def build(
        self,
        context: Path,
        reference: str,
        *,
        labels: Mapping[str, str],
        progress: Progress | None = None,
        options: BuildOptions = PLAIN_BUILD,
    ) -> ImageInfo:
        """Refuse: there are no images here."""
        raise _no_images(f"{reference} cannot be built")

    def remove_image(self, reference: str) -> None:
        """Leave the interpreter alone: it is not ours."""


def _no_images(what: str) -> IllegalState:
    return IllegalState(
        f"{what}: compute 'process' runs without containers",
        code="no_images",
        hint="start Docker, then choose the compute 'docker'",
    )
