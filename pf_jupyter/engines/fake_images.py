"""Images and a registry in memory, for tests of what is built upon engines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from pf_jupyter.engines.api import (
    PLAIN_BUILD,
    BuildOptions,
    BuildProgress,
    ImageInfo,
    Login,
    Progress,
)
from pf_jupyter.errors import NotFound, PfError, RuntimeFailed


class FakeImages:
    """The part of `FakeEngine` that is about images.

    Parameters
    ----------
    images
        References that are there from the beginning.
    called
        Told of each verb, which it may refuse.
    registry
        What registries hold, by reference; engines that share it share a registry.
    """

    def __init__(
        self,
        images: Sequence[str],
        called: Callable[[str], None],
        registry: dict[str, ImageInfo] | None = None,
    ) -> None:
        self.registry = registry if registry is not None else {}
        self.builds: list[tuple[Path, str, BuildOptions]] = []
        self.failure: PfError | None = None
        self._called_image_verb = called
        self._images: dict[str, ImageInfo] = {}
        for reference in images:
            self._add_image(reference, {}, reference)

    def _add_image(
        self, reference: str, labels: Mapping[str, str], content: str
    ) -> ImageInfo:
        text = json.dumps([dict(labels), content], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        image = ImageInfo(f"sha256:{digest}", (reference,), 1, dict(labels))
        self._images[reference] = image
        return image

    def _here(self, reference: str) -> ImageInfo:
        found = self.image(reference)
        if found is None:
            raise NotFound(
                f"there is no image {reference}",
                code="image_not_found",
                hint="give it to FakeEngine",
            )
        return found

    def _ask(self, verb: str) -> None:
        self._called_image_verb(verb)
        if self.failure is not None:
            raise self.failure

    def image(self, reference: str) -> ImageInfo | None:
        """Return the image, or None."""
        self._called_image_verb("image")
        by_id = [one for one in self._images.values() if one.id == reference]
        return self._images.get(reference) or (by_id[0] if by_id else None)

    def images(self, labels: Mapping[str, str]) -> list[ImageInfo]:
        """Return the images that carry all of these labels."""
        self._called_image_verb("images")
        return [
            image
            for image in self._images.values()
            if labels.items() <= image.labels.items()
        ]

    def pull(
        self,
        reference: str,
        progress: Progress | None = None,
        *,
        login: Login | None = None,
    ) -> ImageInfo:
        """Take an image from the registry."""
        self._ask("pull")
        if reference not in self.registry:
            raise NotFound(
                f"there is no image {reference}",
                code="image_not_found",
                hint="give it to FakeEngine",
            )
        self._images[reference] = self.registry[reference]
        return self._images[reference]

    def push(
        self,
        reference: str,
        progress: Progress | None = None,
        *,
        login: Login | None = None,
    ) -> str:
        """Give an image to the registry."""
        self._ask("push")
        image = self._here(reference)
        name = reference.rpartition(":")[0]
        digests = (f"{name}@{image.id}",)
        self.registry[reference] = replace(image, registry_digests=digests)
        self._images[reference] = self.registry[reference]
        return image.id

    def registry_digest(self, reference: str, *, login: Login | None = None) -> str:
        """Return the digest that the registry has."""
        self._ask("registry_digest")
        if reference not in self.registry:
            raise NotFound(f"no registry has {reference}", code="image_not_found")
        return self.registry[reference].id

    def registry_tags(
        self, repository: str, *, login: Login | None = None
    ) -> list[str]:
        """Return the tags that the registry has under a name."""
        self._ask("registry_tags")
        split = [name.rpartition(":") for name in self.registry]
        found = [tag for place, _, tag in split if place == repository]
        if not found:
            raise NotFound(f"no registry has {repository}", code="image_not_found")
        return found

    def registry_image(
        self, reference: str, *, login: Login | None = None
    ) -> ImageInfo:
        """Return the image that the registry has."""
        self.registry_digest(reference, login=login)
        return self.registry[reference]

    def tag(self, image: str, reference: str) -> None:
        """Give an image a further name."""
        self._called_image_verb("tag")
        found = self._here(image)
        self._images[reference] = replace(found, tags=(*found.tags, reference))

    def save(
        self, references: Sequence[str], archive: Path, progress: Progress | None = None
    ) -> None:
        """Write what is known of images into a file."""
        self._ask("save")
        found = [asdict(self._here(name)) for name in references]
        archive.write_text(json.dumps([references, found], default=str))

    def load(self, archive: Path, progress: Progress | None = None) -> list[ImageInfo]:
        """Read what `save` wrote."""
        self._ask("load")
        try:
            references, found = json.loads(archive.read_bytes())
        except ValueError as error:
            raise RuntimeFailed(
                f"{archive.name} is no archive of an image",
                phase="import",
                code="bad_archive",
            ) from error
        for name, facts in zip(references, found, strict=True):
            self._images[name] = ImageInfo(**facts)
        return [self._images[name] for name in references]

    def import_image(
        self,
        archive: Path,
        reference: str,
        *,
        environment: Mapping[str, str],
        labels: Mapping[str, str],
        progress: Progress | None = None,
    ) -> ImageInfo:
        """Remember an image of that name."""
        self._ask("import_image")
        if progress is not None:
            size = archive.stat().st_size
            progress(BuildProgress("importing", size, size))
        return self._add_image(reference, labels, reference)

    def build(
        self,
        context: Path,
        reference: str,
        *,
        labels: Mapping[str, str],
        progress: Progress | None = None,
        options: BuildOptions = PLAIN_BUILD,
    ) -> ImageInfo:
        """Remember an image of that name."""
        self._ask("build")
        self.builds.append((context, reference, options))
        if progress is not None:
            progress(BuildProgress("built"))
        return self._add_image(reference, labels, options.text or reference)

    def remove_image(self, reference: str) -> None:
        """Forget an image."""
        self._called_image_verb("remove_image")
        self._images.pop(reference, None)
