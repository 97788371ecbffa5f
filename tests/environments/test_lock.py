"""Resolving with what is there taken into account, and saying why it is impossible."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.environments import indexes, uv
from pf_jupyter.environments.lock import Lock, resolve
from pf_jupyter.environments.requirements import parse_requirements, read_requirements
from pf_jupyter.environments.target import Installed, Target
from pf_jupyter.errors import PfError, Refused, Unreachable, UsageError


def target(*installed: Installed, **changes: Any) -> Target:
    version = ".".join(map(str, sys.version_info[:3]))
    facts = {"version": version, "libc": ("glibc", "2.36"), **changes}
    return Target("/usr/bin/python3", "/usr/bin/python3", installed=installed, **facts)


def lock(
    tmp_path: Path, *texts: str, on: Target | None = None, upgrade: bool = False
) -> Lock:
    folder = tmp_path / f"work{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    wanted = parse_requirements(list(texts), tmp_path)
    assert not wanted.problems
    return resolve(wanted, on or target(), folder, upgrade=upgrade)


def shown(items: Any) -> list[str]:
    return sorted(str(item) for item in items)


def test_what_is_needed_comes_too_and_what_is_there_does_not(
    index: Any, tmp_path: Path
) -> None:
    index.add("app", requires=["lib>=1", "base>=1"])
    index.add("lib", "1.0")
    index.add("lib", "2.0")
    index.add("base", "9.0")
    found = lock(tmp_path, "app", on=target(Installed("base", "1.5")))
    assert shown(found.items) == ["app==1.0", "base==1.5", "lib==2.0"]
    assert shown(found.new) == ["app==1.0", "lib==2.0"]


def test_what_no_index_has_is_known_from_what_is_installed(
    index: Any, tmp_path: Path
) -> None:
    index.add("app", requires=["inhouse[fast]"])
    index.add("speed")
    inhouse = Installed("inhouse", "3.1", ("speed; extra == 'fast'", "never-there"))
    found = lock(tmp_path, "app", on=target(inhouse))
    assert shown(found.new) == ["app==1.0", "speed==1.0"]


def test_a_lock_holds_the_hashes_of_its_files(
    index: Any, tmp_path: Path, wheel: Callable[..., Path]
) -> None:
    app = index.add("app", requires=["lib"])
    lib = index.add("lib", "2.0")
    own = wheel(tmp_path / "mine", "own")
    found = lock(tmp_path, "app", str(own))
    hashes = {item.name: item.hashes for item in found.new}
    assert hashes == {
        name: (f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",)
        for name, path in (("app", app), ("lib", lib), ("own", own))
    }
    assert f"lib==2.0 --hash={hashes['lib'][0]}" in found.lines


def test_a_package_that_fits_stays_and_one_that_does_not_is_replaced(
    index: Any, tmp_path: Path
) -> None:
    for version in ("1.0", "2.0", "3.0"):
        index.add("lib", version)
    below = target(Installed("lib", "2.0"))
    assert lock(tmp_path, "lib", on=below).new == ()
    assert lock(tmp_path, "lib>=1.5", on=below).new == ()
    assert shown(lock(tmp_path, "lib<2", on=below).new) == ["lib==1.0"]
    assert shown(lock(tmp_path, "lib", on=below, upgrade=True).new) == ["lib==3.0"]


def test_what_needs_a_package_below_has_its_say(index: Any, tmp_path: Path) -> None:
    index.add("lib", "1.0")
    index.add("lib", "2.0")
    below = target(Installed("lib", "2.0"), Installed("user", "5.0", ("lib>=2",)))
    with pytest.raises(PfError) as caught:
        lock(tmp_path, "lib==1.0", on=below)
    error = caught.value
    assert error.code == "requirements_conflict"
    assert "user depend on lib>=2" in error.message
    assert "you require lib==1.0" in error.message
    assert error.message.startswith("resolving failed: Because ")
    assert error.hint


def test_a_package_below_is_not_changed_behind_ones_back(
    index: Any, tmp_path: Path
) -> None:
    index.add("app", requires=["lib>=3"])
    index.add("lib", "3.0")
    below = target(Installed("lib", "2.0"))
    with pytest.raises(PfError) as caught:
        lock(tmp_path, "app", on=below)
    assert caught.value.code == "requirements_conflict"
    assert "lib" in caught.value.message
    found = lock(tmp_path, "app", "lib>=3", on=below)
    assert shown(found.new) == ["app==1.0", "lib==3.0"]
    found = lock(tmp_path, "app", on=below, upgrade=True)
    assert shown(found.new) == ["app==1.0", "lib==3.0"]


def test_markers_are_those_of_the_runtime(index: Any, tmp_path: Path) -> None:
    index.add("old")
    index.add("new")
    texts = ["old; python_version < '3.10'", "new; python_version >= '3.10'"]
    found = lock(tmp_path, *texts, on=target(version="3.9.18"))
    assert shown(found.new) == ["old==1.0"]


def test_wheels_are_those_of_the_runtimes_platform(index: Any, tmp_path: Path) -> None:
    index.add("fast", "1.0", tag="cp39-cp39-manylinux_2_17_aarch64")
    there = target(version="3.9.18", machine="aarch64")
    assert shown(lock(tmp_path, "fast", on=there).new) == ["fast==1.0"]
    with pytest.raises(PfError) as caught:
        lock(tmp_path, "fast", on=target(version="3.9.18"))
    assert caught.value.code == "wrong_wheel"


def test_a_local_wheel_for_another_platform_is_refused(
    index: Any, tmp_path: Path, wheel: Callable[..., Path]
) -> None:
    path = wheel(tmp_path, "mine", tag="cp39-cp39-macosx_11_0_arm64")
    with pytest.raises(PfError) as caught:
        lock(tmp_path, str(path))
    assert caught.value.code == "wrong_wheel"
    assert "mine" in caught.value.message


def test_a_local_wheel_is_taken_as_it_is(
    index: Any, tmp_path: Path, wheel: Callable[..., Path]
) -> None:
    index.add("lib")
    path = wheel(tmp_path, "mine", "0.7", requires=["lib"])
    (mine, lib) = sorted(lock(tmp_path, str(path)).new, key=lambda item: item.name)[
        ::-1
    ]
    assert (mine.name, lib.name) == ("mine", "lib")


def test_an_unknown_package_is_named(index: Any, tmp_path: Path) -> None:
    with pytest.raises(PfError) as caught:
        lock(tmp_path, "no-such-thing")
    assert caught.value.code == "package_unknown"
    assert "no-such-thing" in caught.value.message
    assert caught.value.details["phase"] == "resolve"


def test_an_unknown_version_is_named(index: Any, tmp_path: Path) -> None:
    index.add("lib")
    with pytest.raises(PfError) as caught:
        lock(tmp_path, "lib==7")
    assert "lib==7" in caught.value.message


def test_an_index_that_does_not_answer(
    index: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    with pytest.raises(Unreachable) as caught:
        lock(tmp_path, "lib")
    assert caught.value.code == "index_unreachable"
    index.broken = 503
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
    with pytest.raises(Unreachable):
        lock(tmp_path, "lib")


def test_logins_are_used_and_never_shown(
    index: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add("lib")
    index.login = "ada:s3cret-token"
    file = tmp_path / "requirements.txt"
    file.write_text(f"-i http://{{private}}@{index.host}/simple\nlib\n")
    wanted = read_requirements(file)

    def attempt(number: int) -> Lock:
        folder = tmp_path / f"attempt{number}"
        folder.mkdir()
        return resolve(wanted, target(), folder)

    with pytest.raises(UsageError) as unset:
        attempt(0)
    assert unset.value.code == "index_variable"
    assert indexes.PRIVATE in unset.value.message
    monkeypatch.setenv(indexes.PRIVATE, "ada:wr0ng-token")
    with pytest.raises(Refused) as caught:
        attempt(1)
    assert caught.value.code == "index_refused"
    assert "wr0ng" not in f"{caught.value.message} {caught.value.to_dict()}"
    monkeypatch.setenv(indexes.PRIVATE, index.login)
    found = attempt(2)
    assert shown(found.new) == ["lib==1.0"]
    assert "s3cret" not in repr((wanted, found))


def test_variables_in_requirements_are_filled_in_late(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "r.txt"
    file.write_text(
        "--index-url https://ada:${PF_TEST_TOKEN}@h/simple\n"
        "mine @ https://h/${PF_TEST_TOKEN}/mine-1.0-py3-none-any.whl\n"
    )
    wanted = read_requirements(file)
    assert "${PF_TEST_TOKEN}" in wanted.options[0][1]
    monkeypatch.setenv("PF_TEST_TOKEN", "s3cret")
    filled = indexes.fill(wanted)
    assert filled.lines() == ["--index-url https://ada:s3cret@h/simple"]
    assert "/s3cret/" in filled.requirements.items[0].text
    assert "s3cret" in filled.secrets
    assert "s3cret" not in repr(filled)


def test_how_pip_is_configured_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("")
    file.write_text(
        "[global]\nindex-url = https://feed/simple\nextra-index-url =\n"
        f"    https://a/simple\n    https://b/simple\ncert = {bundle}\n"
        "proxy = http://proxy:3128\ntrusted-host = feed\n"
    )
    environment = {"PIP_CONFIG_FILE": str(file), "HOME": str(tmp_path)}
    found = uv.settings(environment)
    assert found == {
        "UV_DEFAULT_INDEX": "https://feed/simple",
        "UV_INDEX": "https://a/simple https://b/simple",
        "UV_INSECURE_HOST": "feed",
        "SSL_CERT_FILE": str(bundle),
        "HTTPS_PROXY": "http://proxy:3128",
        "HTTP_PROXY": "http://proxy:3128",
    }
    environment["PIP_INDEX_URL"] = "https://variable/simple"
    assert uv.settings(environment)["UV_DEFAULT_INDEX"] == "https://variable/simple"
    # whoever configured uv itself is not overruled
    own = uv.settings(
        {**environment, "UV_INDEX_URL": "https://mine", "HTTPS_PROXY": "x"}
    )
    assert "UV_DEFAULT_INDEX" not in own
    assert "HTTPS_PROXY" not in own
    assert own["SSL_CERT_FILE"] == str(bundle)
    (tmp_path / ".config" / "uv").mkdir(parents=True)
    (tmp_path / ".config" / "uv" / "uv.toml").write_text("")
    assert "UV_DEFAULT_INDEX" not in uv.settings(environment)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("error: failed to write: No space left on device (os error 28)", "disk_full"),
        ("error: invalid peer certificate: UnknownIssuer", "index_certificate"),
        ("error: Failed to build `x==1`\n  cause: The build backend", "package_build_"),
        ("error: Hash mismatch for `x==1`", "hash_mismatch"),
        ("error: something new", "install_failed"),
    ],
)
def test_what_uv_says_becomes_one_of_our_errors(text: str, code: str) -> None:
    found = uv.failure(text, "installing")
    assert found.code.startswith(code)
    assert found.hint
    assert found.details["phase"] == "install"
