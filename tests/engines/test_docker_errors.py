"""Every exception of the libraries becomes one of ours, with a way out."""

from __future__ import annotations

from typing import Any

import docker.errors
import pytest
import requests
import urllib3.exceptions

from pf_jupyter.engines.docker_address import Address
from pf_jupyter.engines.docker_errors import translate, translated
from pf_jupyter.errors import NotFound, PfError, RuntimeFailed

ADDRESS = Address("unix:///docker.sock")


def api_error(status: int, text: str) -> Exception:
    response = requests.Response()
    response.status_code = status
    kind = docker.errors.NotFound if status == 404 else docker.errors.APIError
    return kind("failed", response=response, explanation=text)


CASES: list[tuple[int, str, str, str]] = [
    (404, "No such image: a:1", "check", "image_not_found"),
    (404, "manifest for a:1 not found: manifest unknown", "pull", "image_not_found"),
    (404, "No such container: 12", "run", "instance_not_found"),
    (409, 'The container name "/a" is already in use', "create", "already_exists"),
    (409, "Container 12 is paused, unpause it first", "start", "illegal_state"),
    (500, "write /x: no space left on device", "build", "disk_full"),
    (500, "unauthorized: authentication required", "pull", "registry_refused"),
    (500, "no basic auth credentials", "pull", "registry_refused"),
    (500, "dial tcp: lookup r: no such host", "pull", "registry_unreachable"),
    (500, "x509: certificate signed by unknown", "pull", "registry_unreachable"),
    (400, "client version 1.45 is too new", "check", "engine_too_old"),
    (400, 'exec: "python3": executable file not found', "start", "program_missing"),
    (400, "exec format error", "start", "wrong_platform"),
    (500, "something else entirely", "create", "engine_error"),
]


@pytest.mark.parametrize(("status", "text", "phase", "code"), CASES)
def test_what_the_engine_says(status: int, text: str, phase: str, code: str) -> None:
    error = translate(api_error(status, text), ADDRESS, phase, "a:1")
    assert isinstance(error, PfError)
    assert error.code == code
    assert error.hint
    if isinstance(error, RuntimeFailed):
        assert error.phase == phase


def nested(cause: BaseException) -> Exception:
    inner = urllib3.exceptions.ProtocolError("Connection aborted.", cause)
    return requests.ConnectionError(inner)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (nested(FileNotFoundError(2, "No such file")), "no_engine"),
        (nested(PermissionError(13, "Permission denied")), "engine_permission"),
        (nested(ConnectionRefusedError(111, "refused")), "no_engine"),
        (nested(ConnectionResetError(104, "reset")), "engine_lost"),
        (requests.ReadTimeout("Read timed out."), "engine_timeout"),
        (requests.exceptions.ChunkedEncodingError("broken"), "engine_lost"),
        (docker.errors.InvalidVersion("API versions below 1.24"), "engine_too_old"),
        (docker.errors.DockerException("whatever"), "engine_error"),
        (TimeoutError("timed out"), "engine_timeout"),
    ],
)
def test_what_the_connection_says(error: Exception, code: str) -> None:
    ours = translate(error, ADDRESS)
    assert ours is not None
    assert ours.code == code
    assert ours.hint


def test_a_defect_of_ours_is_not_dressed_up() -> None:
    with pytest.raises(ZeroDivisionError), translated(ADDRESS):
        _ = 1 / 0


def test_our_own_errors_pass_unchanged() -> None:
    mine = NotFound("mine")
    with pytest.raises(NotFound) as caught, translated(ADDRESS):
        raise mine
    assert caught.value is mine


def test_a_login_is_proposed_for_the_registry_of_the_image() -> None:
    error: Any = translate(
        api_error(401, "denied"), ADDRESS, "pull", "registry.example.com/a:1"
    )
    assert "docker login registry.example.com" in error.hint
