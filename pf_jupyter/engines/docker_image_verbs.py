"""What a Docker engine does with images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pf_jupyter.engines import (
    docker_context,
    docker_images,
    docker_state,
    docker_transfer,
)
from pf_jupyter.engines.api import (
    LABEL,
    PLAIN_BUILD,
    BuildOptions,
    ImageInfo,
    Login,
    Progress,
)
from pf_jupyter.engines.docker_remains import Remains
from pf_jupyter.engines.image_registry import ImageRegistry, place_of
from pf_jupyter.errors import NotFound

BUILD_LABEL = f"{LABEL}.build"
"""On all that a build leaves on its way; its value is the build's mark."""


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

    def images(self, labels: Mapping[str, str]) -> list[ImageInfo]:
        """Return the images with a name that carry all of these labels."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with self._call("check") as client:
            # `all` would list what builds keep on the way, which has no name
            found = client.images(filters={"label": wanted} if wanted else None)
            names = [str(item["Id"]) for item in found if _named(item)]
        here = [self.image(name) for name in names]
        return [image for image in here if image is not None]

    def pull(
        self,
        reference: str,
        progress: Progress | None = None,
        *,
        login: Login | None = None,
    ) -> ImageInfo:
        """Fetch an image from its registry; see `Engine.pull`."""
        repository, tag = docker_images.split_reference(reference)
        options = docker_transfer.login_options(login)
        with self._patient("pull", reference) as client:
            messages = client.pull(
                repository, tag=tag, stream=True, decode=True, **options
            )
            docker_images.follow_pull(messages, reference, progress)
        return self._image_here(reference)

    def push(
        self,
        reference: str,
        progress: Progress | None = None,
        *,
        login: Login | None = None,
    ) -> str:
        """Send an image to the registry in its name; see `Engine.push`."""
        repository, tag = docker_images.split_reference(reference)
        options = docker_transfer.login_options(login)
        with self._patient("push", reference) as client:
            messages = client.push(
                repository, tag=tag, stream=True, decode=True, **options
            )

            def ask() -> str:
                return self.registry_digest(reference, login=login)

            return docker_transfer.follow_push(messages, reference, progress, ask)

    def registry_digest(self, reference: str, *, login: Login | None = None) -> str:
        """Return the digest that a registry has under a name."""
        with self._call("pull", reference) as client:
            client.reload_config()  # somebody may have logged in since
            answer = client.inspect_distribution(
                reference, **docker_transfer.login_options(login)
            )
        return str((answer.get("Descriptor") or {}).get("digest") or "")

    def registry_tags(
        self, repository: str, *, login: Login | None = None
    ) -> list[str]:
        """Return the tags of a repository; see `AsksRegistries.registry_tags`."""
        place = place_of(repository)
        return self._registry(place.host, login).tags(place.path)

    def registry_image(
        self, reference: str, *, login: Login | None = None
    ) -> ImageInfo:
        """Return what a registry says of an image; see `AsksRegistries`."""
        repository, tag = docker_images.split_reference(reference)
        place = place_of(repository)
        with self._call("check", reference) as client:
            answer = client.version()
        platform = f"{answer.get('Os', 'linux')}/{answer.get('Arch', 'amd64')}"
        registry = self._registry(place.host, login)
        return registry.image(place.path, tag or "latest", platform)

    def _registry(self, host: str, login: Login | None) -> ImageRegistry:
        def logins(name: str) -> Login | None:
            if login is not None:
                return login
            # what `docker login` remembered on this machine
            with self._call("check", f"{name}/") as client:
                client.reload_config()
                known = client._auth_configs.resolve_authconfig(name) or {}
            user = str(known.get("username") or known.get("Username") or "")
            word = known.get("password") or known.get("Password")
            return Login(user, str(word)) if word else None

        return ImageRegistry(host, logins)

    def tag(self, image: str, reference: str) -> None:
        """Give an image that is here a further name."""
        repository, tag = docker_images.split_reference(reference)
        with self._call("run", image) as client:
            client.tag(image, repository, tag, force=True)

    def save(
        self, references: Sequence[str], archive: Path, progress: Progress | None = None
    ) -> None:
        """Write images with their names into a file."""
        size = sum(self._image_here(name).size for name in references)
        with self._patient("export", references[0]) as client:
            # docker-py saves one image by its name, the engine any number
            answer = client._get(
                client._url("/images/get"), params={"names": references}, stream=True
            )
            client._raise_for_status(answer)
            pieces = answer.iter_content(1024 * 1024)
            docker_transfer.write_archive(pieces, archive, size, progress)

    def load(self, archive: Path, progress: Progress | None = None) -> list[ImageInfo]:
        """Read the images of a file that `save` wrote."""
        with self._patient("import", archive.name) as client:
            messages = client.load_image(docker_transfer.pieces_of(archive, progress))
            names = docker_transfer.follow_load(messages, archive)
        return [self._image_here(name) for name in names]

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
        options: BuildOptions = PLAIN_BUILD,
    ) -> ImageInfo:
        """Build a folder with a Dockerfile; see `Engine.build`."""
        mark = options.mark or reference
        text = docker_context.build_text(context, options)
        text = docker_context.marked(text, BUILD_LABEL, mark, labels)
        sent = docker_context.stream(context, options, text, progress)
        with self._patient("build", reference) as client:
            remains = Remains(client, f"{BUILD_LABEL}={mark}")
            follower = docker_images.BuildFollower(reference, progress)
            try:
                messages = client.build(
                    fileobj=sent,
                    custom_context=True,
                    dockerfile=options.dockerfile,
                    tag=reference,
                    buildargs=dict(options.arguments),
                    network_mode="host" if options.host_network else None,
                    rm=True,
                    forcerm=True,
                    decode=True,
                )
                follower.follow(messages)
            except BaseException:
                remains.remove(follower.made)
                raise
            # a stage that only made something may hold the login it was made with
            remains.tidy()
        return self._image_here(reference)

    def remove_image(self, reference: str) -> None:
        """Remove an image; one that is not there is no error."""
        try:
            with self._call("run", reference) as client:
                client.remove_image(reference, force=True)
        except NotFound:
            pass  # what was asked is so


def _named(item: Mapping[str, Any]) -> bool:
    return any(tag != "<none>:<none>" for tag in item.get("RepoTags") or ())
