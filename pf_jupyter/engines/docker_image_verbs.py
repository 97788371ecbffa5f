"""What a Docker engine does with images."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pf_jupyter.engines import docker_images, docker_state
from pf_jupyter.engines.api import ImageInfo, Progress
from pf_jupyter.errors import NotFound, PfError


class ImageVerbs(ABC):
    """The part of `DockerEngine` that is about images."""

    @abstractmethod
    def _call(
        self, phase: str = "run", subject: str = ""
    ) -> AbstractContextManager[Any]:
        """Give docker-py's client, for calls that answer soon."""

    @abstractmethod
    def _patient(self, phase: str, subject: str) -> AbstractContextManager[Any]:
        """Give a client for calls that may be silent for minutes."""

    def image(self, reference: str) -> ImageInfo | None:
        """Return the image that is here under ``reference``, or None."""
        try:
            with self._call("check", reference) as client:
                return docker_state.to_image(client.inspect_image(reference))
        except NotFound:
            return None

    def _image_here(self, reference: str) -> ImageInfo:
        with self._call("check", reference) as client:
            return docker_state.to_image(client.inspect_image(reference))

    def pull(self, reference: str, progress: Progress | None = None) -> ImageInfo:
        """Fetch an image from its registry; see `Engine.pull`."""
        repository, tag = docker_images.split_reference(reference)
        with self._patient("pull", reference) as client:
            messages = client.pull(repository, tag=tag, stream=True, decode=True)
            docker_images.follow_pull(messages, reference, progress)
        return self._image_here(reference)

    def import_image(
        self,
        archive: Path,
        reference: str,
        *,
        environment: Mapping[str, str],
        labels: Mapping[str, str],
        progress: Progress | None = None,
    ) -> ImageInfo:
        """Make a one-layer image from a tar; see `Engine.import_image`."""
        with self._patient("build", reference) as client:
            answer = client.import_image_from_stream(
                docker_images.read_archive(archive, progress),
                changes=docker_images.import_changes(environment, labels),
            )
            # podman would give it a tag of its own choice
            made = docker_images.imported(answer, reference)
            repository, tag = docker_images.split_reference(reference)
            try:
                client.tag(made, repository, tag, force=True)
            except Exception:
                client.remove_image(made, force=True)
                raise
        return self._image_here(reference)

    def build(
        self,
        context: Path,
        reference: str,
        *,
        labels: Mapping[str, str],
        progress: Progress | None = None,
    ) -> ImageInfo:
        """Build a folder with a Dockerfile; see `Engine.build`."""
        docker_images.require_dockerfile(context)
        with self._patient("build", reference) as client:
            messages = client.build(
                path=str(context),
                tag=reference,
                labels=dict(labels),
                rm=True,
                forcerm=True,
                decode=True,
            )
            follower = docker_images.BuildFollower(reference, progress)
            try:
                follower.follow(messages)
            except PfError:
                for layer in reversed(follower.made):
                    with contextlib.suppress(Exception):
                        client.remove_image(layer, noprune=True)
                raise
        return self._image_here(reference)

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that is not there is no error."""
        try:
            with self._call("run", reference) as client:
                client.remove_image(reference, force=True)
        except NotFound:
            pass  # what was asked is so
