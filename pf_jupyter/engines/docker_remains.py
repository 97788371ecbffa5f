"""What a build that did not come to its end leaves in an engine, removed again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from pf_jupyter.engines.docker_profile import INSTANCE_LABEL

_ATTEMPTS = 50
_PAUSE_SECONDS = 0.1


class Remains:
    """Finds by a label what one build left; what was there before it stays.

    Parameters
    ----------
    client
        docker-py's.
    label
        ``key=value`` that every stage of the build begins with.
    """

    def __init__(self, client: Any, label: str) -> None:
        self._client = client
        self._filters = {"label": label}
        self._before = set(self._containers())
        # a process that was killed could not tidy up after itself
        self.tidy()

    def remove(self, made: Sequence[str]) -> None:
        """Remove it; never raises, for a failure is on its way already.

        Parameters
        ----------
        made
            Ids of images that the build's own lines named, the newest last.
        """
        with contextlib.suppress(Exception):
            self._remove_containers()
        for image in reversed(made):
            with contextlib.suppress(Exception):
                self._client.remove_image(image, noprune=True)
        for _ in range(_ATTEMPTS):
            # an engine that was interrupted may still be writing its last layer
            if self.tidy():
                break
            time.sleep(_PAUSE_SECONDS)

    def tidy(self) -> bool:
        """Try to remove what has the label and no name; tell whether all is gone."""
        with contextlib.suppress(Exception):
            for image in self._images():
                with contextlib.suppress(Exception):
                    self._client.remove_image(image)
            return not self._images()
        return False

    def _remove_containers(self) -> None:
        for _ in range(_ATTEMPTS):
            left = [one for one in self._containers() if one not in self._before]
            if not left:
                return
            for container in left:
                with contextlib.suppress(Exception):
                    self._client.remove_container(container, force=True, v=True)
            time.sleep(_PAUSE_SECONDS)

    def _containers(self) -> list[str]:
        """Return containers of build steps: an image's label is its containers' too."""
        found = self._client.containers(all=True, filters=self._filters)
        return [
            str(item["Id"])
            for item in found
            if INSTANCE_LABEL not in (item.get("Labels") or {})
        ]

    def _images(self) -> list[str]:
        """Return images without a name and without children."""
        filters = {**self._filters, "dangling": True}
        return [str(item["Id"]) for item in self._client.images(filters=filters)]
