"""What an engine may offer beyond `Engine`: questions to the registries it knows."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pf_jupyter.engines.api import ImageInfo, Login


@runtime_checkable
class AsksRegistries(Protocol):
    """An engine with the logins for registries, which this process asks with them."""

    def registry_tags(
        self, repository: str, *, login: Login | None = None
    ) -> list[str]:
        """Return the tags of ``host:port/path`` (NotFound, Refused, Unreachable)."""

    def registry_image(
        self, reference: str, *, login: Login | None = None
    ) -> ImageInfo:
        """Return what a registry says of an image, fetching none of it.

        Its id is what an engine that has the image calls it; its size is that of what
        has to be fetched (NotFound, Refused, Unreachable).
        """
