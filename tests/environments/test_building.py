"""What is sent for a build, and what is made of its failures; no engine is needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pf_jupyter.engines.api import BuildOptions, BuildProgress
from pf_jupyter.engines.docker_context import build_text, marked, stream
from pf_jupyter.environments import corporate, recipe
from pf_jupyter.environments.bases import Base, is_ours
from pf_jupyter.environments.build import slug
from pf_jupyter.environments.build_failures import explained
from pf_jupyter.environments.context import read_context
from pf_jupyter.environments.definition import read_definition
from pf_jupyter.environments.ignored import Ignored
from pf_jupyter.environments.publish import registry_reference
from pf_jupyter.environments.starter import write_starter
from pf_jupyter.environments.steps import StepEvent, Steps
from pf_jupyter.environments.versions import next_version, parse_reference
from pf_jupyter.errors import (
    AlreadyExists,
    EnvironmentFailed,
    RuntimeFailed,
    Unreachable,
    UsageError,
)

OURS = Base("pf_jupyter/base", "pf_jupyter/default:1-abc", "sha256:base", ours=True)


@pytest.mark.parametrize(
    ("patterns", "left_out", "kept"),
    [
        ("*.pyc", ["a.pyc"], ["a.py", "deep/a.pyc"]),
        ("**/*.pyc", ["a.pyc", "deep/er/a.pyc"], ["a.py"]),
        ("data", ["data", "data/a", "data/b/c"], ["other/data", "data2"]),
        ("/data/", ["data/a"], ["other"]),
        ("*\n!keep.txt", ["a"], ["keep.txt"]),
        ("d/*\n!d/keep", ["d/a"], ["d/keep", "d"]),
        ("# comment\n\n?.tmp", ["a.tmp"], ["ab.tmp", "# comment"]),
        ("[ab].txt", ["a.txt", "b.txt"], ["c.txt"]),
        ("a.b+c", ["a.b+c"], ["aXb+c", "a.bbc"]),
        ("docs/**/draft", ["docs/draft", "docs/x/y/draft"], ["draft"]),
    ],
)
def test_what_dockerignore_leaves_out(
    patterns: str, left_out: list[str], kept: list[str]
) -> None:
    ignored = Ignored(patterns.split("\n"))
    assert [name for name in left_out if not ignored(name)] == []
    assert [name for name in kept if ignored(name)] == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "context"
    (path / "inner").mkdir(parents=True)
    (path / "Dockerfile").write_text("FROM pf_jupyter/base\nCOPY ./* ./\n")
    (path / "inner" / "file").write_text("content")
    return path


def test_a_context_is_known_by_its_content(folder: Path) -> None:
    first = read_context(folder, "Dockerfile").digest()
    os.utime(folder / "inner" / "file", (0, 0))
    assert read_context(folder, "Dockerfile").digest() == first
    (folder / "inner" / "file").chmod(0o755)
    second = read_context(folder, "Dockerfile").digest()
    assert second != first
    (folder / "inner" / "file").write_text("other")
    assert read_context(folder, "Dockerfile").digest() != second


def test_what_is_ignored_is_neither_sent_nor_counted(folder: Path) -> None:
    (folder / ".dockerignore").write_text("big\nDockerfile\nleading-out\n")
    with (folder / "big").open("wb") as file:
        file.truncate(3 * 1024**3)
    (folder / "leading-out").symlink_to("/etc/hostname")
    found = read_context(folder, "Dockerfile")
    names = [name for name, _ in found.files]
    assert names == [".dockerignore", "Dockerfile", "inner", "inner/file"]
    assert found.size < 1000


@pytest.mark.parametrize("target", ["../outside", "/etc/passwd", "inner/../../x"])
def test_links_that_lead_out_are_refused(folder: Path, target: str) -> None:
    (folder / "link").symlink_to(target)
    with pytest.raises(UsageError) as caught:
        read_context(folder, "Dockerfile")
    assert caught.value.code == "context_link_outside"
    assert "link" in caught.value.message
    assert ".dockerignore" in caught.value.hint


@pytest.mark.parametrize("target", ["inner/file", "inner", "nowhere", "link"])
def test_links_that_stay_inside_are_sent(folder: Path, target: str) -> None:
    (folder / "link").symlink_to(target)
    found = read_context(folder, "Dockerfile")
    assert "link" in [name for name, _ in found.files]
    data = b"".join(stream(folder, BuildOptions(files=found.files), "FROM x", None))
    assert target.encode() in data


def test_a_context_over_the_limit_names_what_is_large(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "one").write_bytes(b"x" * 3000)
    with pytest.raises(UsageError) as caught:
        read_context(folder, "Dockerfile", limit=2000)
    assert caught.value.code == "context_too_large"
    assert "largest: data" in caught.value.message


def test_a_file_that_shrinks_while_it_is_sent(folder: Path) -> None:
    (folder / "large").write_bytes(b"x" * 1_000_000)
    found = read_context(folder, "Dockerfile")
    pieces = stream(folder, BuildOptions(files=found.files), "FROM x", None)
    next(piece for piece in pieces if len(piece) > 100_000)
    (folder / "large").write_bytes(b"")
    with pytest.raises(RuntimeFailed) as caught:
        list(pieces)
    assert caught.value.code == "file_changed"


def test_every_stage_is_marked_and_labels_come_in_one_step() -> None:
    text = (
        "ARG A=1\nFROM one \\\n  AS first\n# FROM comment\nRUN x\nfrom two\nRUN FROM\n"
    )
    found = marked(text, "key", "value", {"b": 'say "$x"', "a": "1"})
    assert found.split("\n") == [
        "ARG A=1",
        "FROM one \\",
        "  AS first",
        'LABEL key="value"',
        "# FROM comment",
        "RUN x",
        "from two",
        'LABEL key="value"',
        "RUN FROM",
        "",
        'LABEL a="1" b="say \\"\\$x\\""',
        "",
    ]


def test_a_dockerfile_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        build_text(tmp_path, BuildOptions())
    assert caught.value.code == "no_dockerfile"


@pytest.mark.parametrize(
    ("reference", "ours"),
    [
        ("default", True),
        ("pf_jupyter/base", True),
        ("pf_jupyter/base:1", True),
        ("mcr.microsoft.com/azureml/promptflow/promptflow-runtime:latest", True),
        ("mcr.microsoft.com/azureml/promptflow/promptflow-runtime-stable:1.v2", True),
        ("mcr.microsoft.com/azureml/openmpi4.1.0", False),
        ("python:3.12-slim", False),
        ("default/other", False),
    ],
)
def test_names_that_stand_for_our_base(reference: str, ours: bool) -> None:
    assert is_ours(reference) is ours


def test_from_lines_name_what_stands_for_our_base() -> None:
    text = (
        "ARG BASE=pf_jupyter/base\nFROM ${BASE} AS one\nFROM --platform=linux/amd64 "
        "pf_jupyter/base\nFROM one\nRUN echo FROM pf_jupyter/base\n"
    )
    found = recipe.replace_bases(text, {"pf_jupyter/base": OURS})
    assert found.split("\n")[1:5] == [
        "FROM pf_jupyter/default:1-abc AS one",
        "FROM --platform=linux/amd64 pf_jupyter/default:1-abc",
        "FROM one",
        "RUN echo FROM pf_jupyter/base",
    ]


def test_requirements_alone_leave_no_login_and_no_uv_in_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INDEX_TOKEN", "a-secret")
    (tmp_path / "environment.yaml").write_text(
        "name: mine\nenvironment_variables: {A: 'b c'}\n"
    )
    (tmp_path / "requirements.txt").write_text(
        "-i https://me:${INDEX_TOKEN}@index.example/simple\n-c limits.txt\nsix==1.16\n"
    )
    (tmp_path / "limits.txt").write_text("six<2\n")
    found = read_definition(tmp_path).checked()
    work = tmp_path / "work"
    work.mkdir()
    uv = tmp_path / "uv"
    uv.write_bytes(b"program")
    plan = recipe.of_requirements(found, OURS, work, uv)
    assert "a-secret" not in plan.text
    last = plan.text.rpartition("FROM ")[2]
    assert "uv" not in last.replace("VIRTUAL_ENV", "")
    assert 'ENV A="b c"' in last
    sent = {name: path.read_text() for name, path in plan.files if path != uv}
    requirements = sent[".pf_jupyter/requirements.txt"]
    assert "https://me:a-secret@index.example/simple" in requirements
    assert "-c /.pf_jupyter/constraints.txt" in requirements
    assert sent[".pf_jupyter/constraints.txt"] == "six<2\n"
    assert work.joinpath("requirements.txt").stat().st_mode & 0o077 == 0


def test_the_key_changes_with_all_that_decides(folder: Path, tmp_path: Path) -> None:
    def key(base: Base = OURS) -> str:
        definition = read_definition(folder)
        context = read_context(folder, "Dockerfile")
        build = definition.base
        assert not isinstance(build, str)
        bases = {"pf_jupyter/base": base}
        return recipe.of_dockerfile(definition, build, context, bases).key

    first = key()
    assert key() == first
    moved = Base(OURS.asked, OURS.image, "sha256:moved", ours=True)
    assert key(moved) != first
    (folder / "inner" / "file").write_text("other")
    assert key() != first


def test_a_foreign_base_is_made_to_trust_what_this_machine_trusts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "company.pem"
    bundle.write_text("authority")
    for name in ("REQUESTS_CA_BUNDLE", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    (folder / "Dockerfile").write_text("FROM python:3.12-slim\nRUN pip install six\n")
    definition = read_definition(folder)
    context = read_context(folder, "Dockerfile")
    base = Base("python:3.12-slim", "python:3.12-slim", "sha256:1")
    build = definition.base
    assert not isinstance(build, str)
    plan = recipe.of_dockerfile(definition, build, context, {base.asked: base})
    lines = plan.text.split("\n")
    assert lines[1] == f"COPY {corporate.BUNDLE_IN_CONTEXT} {corporate.BUNDLE_IN_IMAGE}"
    assert "SSL_CERT_FILE=" in lines[2]
    assert dict(plan.files)[corporate.BUNDLE_IN_CONTEXT] == bundle
    bundle.write_text("another authority")
    again = recipe.of_dockerfile(definition, build, context, {base.asked: base})
    assert again.key != plan.key


def test_the_proxy_of_this_machine_reaches_builds() -> None:
    found = corporate.proxy_arguments(
        {"https_proxy": "http://proxy:3128", "NO_PROXY": "localhost", "HOME": "/root"}
    )
    assert found == {
        "HTTPS_PROXY": "http://proxy:3128",
        "https_proxy": "http://proxy:3128",
        "NO_PROXY": "localhost",
        "no_proxy": "localhost",
    }
    assert not corporate.proxy_on_loopback(found)
    assert corporate.proxy_on_loopback({"HTTP_PROXY": "http://127.0.0.1:3128"})
    assert corporate.proxy_on_loopback({"HTTP_PROXY": "localhost:3128"})


@pytest.mark.parametrize(
    ("log", "code", "said"),
    [
        (
            "ERROR: Could not find a version that satisfies the requirement nope\n"
            "ERROR: No matching distribution found for nope",
            "package_unknown",
            "nope",
        ),
        (
            "  × No solution found when resolving dependencies:\n"
            "  ╰─▶ Because nope was not found in the package registry and you require\n"
            "      nope, we can conclude that your requirements are unsatisfiable.",
            "requirements_conflict",
            "nope was not found in the package registry",
        ),
        (
            "ERROR: Cannot install a and b because these package versions have "
            "conflicting dependencies.",
            "requirements_conflict",
            "Cannot install a and b",
        ),
        (
            "ERROR: x-1-cp311-cp311-win_amd64.whl is not a supported wheel on this "
            "platform.",
            "wheel_platform",
            "x-1-cp311",
        ),
        (
            "WARNING: Retrying: SSLError(SSLCertVerificationError(1, '[SSL: "
            "CERTIFICATE_VERIFY_FAILED] certificate verify failed'))",
            "certificate_unknown",
            "CERTIFICATE_VERIFY_FAILED",
        ),
        ("tar: x: No space left on device", "disk_full", "No space left"),
        (
            "NameResolutionError: Failed to resolve 'index.example'",
            "index_unreachable",
            "index.example",
        ),
        ("ERROR: HTTP error 401 Unauthorized", "index_refused", "401"),
        (
            "WARNING: Requirement './wheels/x.whl' looks like a filename, but the file "
            "does not exist",
            "file_missing",
            "./wheels/x.whl",
        ),
        ("make: *** [all] Error 2", "build_failed", "Step 2/2 : RUN make"),
    ],
)
def test_why_a_build_failed(log: str, code: str, said: str) -> None:
    error = RuntimeFailed(
        "building x failed: something (non-zero code: 1)",
        phase="build",
        log=f"Step 1/2 : FROM x\nStep 2/2 : RUN make\n{log}\nthe command returned 1",
        code="build_failed",
        hint="look",
    )
    found = explained(error)
    assert (found.code, bool(found.hint)) == (code, True)
    assert said in found.message


def test_phases_name_themselves_and_hide_logins() -> None:
    events: list[StepEvent] = []
    steps = Steps("mine", events.append)

    def push() -> None:
        with steps.phase("push") as step:
            step.progress(BuildProgress("from https://me:secret@host/simple"))
            raise Unreachable("https://me:secret@host is gone", code="x", hint="wait")

    with pytest.raises(EnvironmentFailed) as caught:
        push()
    error = caught.value
    assert error.describe() == (
        "x: mine failed in phase push: https://***@host is gone\nhint: wait"
    )
    assert (error.phase, error.exit_code) == ("push", 4)
    assert "secret" not in " ".join([*steps.log, *(event.detail for event in events)])
    assert [event.status for event in events] == ["started", "progress", "failed"]


def test_names_and_numbers() -> None:
    assert next_version([]) == "1"
    assert next_version(["1", "9", "10", "2023-06-30", "x"]) == "11"
    assert parse_reference("my-env").version is None
    assert parse_reference("my-env@latest").version is None
    assert str(parse_reference("my-env:2023-06.v1")) == "my-env:2023-06.v1"
    for wrong in ("", ":1", "a/b", "a:", "a b", "a:1:2"):
        with pytest.raises(UsageError):
            parse_reference(wrong)


def test_different_names_never_share_a_repository() -> None:
    assert slug("my-env") == "my-env"
    assert len({slug(name) for name in ("my-env", "My-Env", "my.env", "my_env")}) == 4
    assert slug("A..b") == slug("A..b")


@pytest.mark.parametrize(
    ("registry", "reference"),
    [
        ("localhost:5000", "localhost:5000/mine:3"),
        ("127.0.0.1:5000/team/", "127.0.0.1:5000/team/mine:3"),
        ("https://reg.example/a/b", "reg.example/a/b/mine:3"),
    ],
)
def test_places_in_registries(registry: str, reference: str) -> None:
    assert registry_reference(registry, "mine", "3") == reference


@pytest.mark.parametrize("wrong", ["", "team", "host:1/Team", "me:pw@host:1/x"])
def test_places_that_are_none(wrong: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry_reference(wrong, "mine", "3")
    assert caught.value.code == "bad_registry"
    assert "pw" not in caught.value.describe()


def test_a_new_folder_is_a_definition(tmp_path: Path) -> None:
    folder = write_starter("mine", tmp_path / "mine")
    found = read_definition(folder).checked()
    assert found.name == "mine"
    assert found.warnings == ()
    assert not isinstance(found.base, str)
    assert is_ours(found.base.base_images[0])
    with pytest.raises(AlreadyExists):
        write_starter("mine", folder)
    for wrong in ("default", "a b", ""):
        with pytest.raises(UsageError):
            write_starter(wrong, tmp_path / "other")
