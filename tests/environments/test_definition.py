"""Definitions of environments: read as they are written, all problems at once."""

from pathlib import Path

import pytest

from pf_jupyter.environments.definition import BuildContext, read_definition
from pf_jupyter.errors import EnvironmentInvalid, NotFound

AZURE = """\
$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json
name: my-env
version: 3
description: for answers
tags: {team: a}
build:
  path: .
inference_config:
  liveness_route:
    port: 8080
    path: /health
"""
DOCKERFILE = """\
# the prebuilt base
ARG BASE=registry.example/promptflow-runtime:20260101.v1
FROM ${BASE}
COPY ./* ./
RUN pip install -r requirements.txt \\
  && echo done
"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def places(definition):
    return [(p.code, p.file, p.line, p.column) for p in definition.problems]


def test_an_azure_folder_is_read_unchanged(tmp_path):
    write(
        tmp_path,
        environment__yaml=AZURE,
        Dockerfile=DOCKERFILE,
        requirements__txt="openai>=1\npandas~=2.0 # tables\n",
    )
    found = read_definition(tmp_path).checked()
    assert (found.name, found.version, found.tags) == ("my-env", "3", {"team": "a"})
    assert found.base == BuildContext(
        tmp_path,
        "Dockerfile",
        ("registry.example/promptflow-runtime:20260101.v1",),
    )
    assert found.installed_by_dockerfile
    assert [item.name for item in found.requirements] == ["openai", "pandas"]
    assert found.inference_config["liveness_route"] == {"port": 8080, "path": "/health"}
    assert [path.name for path in found.files] == [
        "environment.yaml",
        "Dockerfile",
        "requirements.txt",
    ]


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ("openai", "openai", "openai"),
        ("Open_AI.x==1.0", "open-ai-x", "Open_AI.x==1.0"),
        ("a >= 1, < 2, != 1.5", "a", "a >= 1, < 2, != 1.5"),
        ("a~=1.4 ; python_version < '3.12'", "a", "a~=1.4 ; python_version < '3.12'"),
        ('b[x,y]==1.*; extra == "z"', "b", 'b[x,y]==1.*; extra == "z"'),
        ("c @ https://h/c-1.0.tar.gz", "c", "c @ https://h/c-1.0.tar.gz"),
        (
            "https://h/d_e-1.0-py3-none-any.whl",
            "d-e",
            "https://h/d_e-1.0-py3-none-any.whl",
        ),
        ("git+https://h/r.git@main#egg=f", "f", "git+https://h/r.git@main#egg=f"),
        ("g==1 --hash=sha256:00 --hash=sha256:11", "g", "g==1"),
        ("h==1 # why", "h", "h==1"),
        ("i>=1, \\\n  <2", "i", "i>=1,   <2"),
    ],
)
def test_every_form_of_a_requirement_is_read(tmp_path, line, name, text):
    write(tmp_path, requirements__txt=f"# top\n{line}\n")
    found = read_definition(tmp_path / "requirements.txt").checked()
    (item,) = found.requirements
    assert (item.name, item.text, item.line, item.column) == (name, text, 2, 1)
    assert len(item.hashes) == line.count("--hash")


def test_local_wheels_are_found_beside_the_file(tmp_path):
    write(
        tmp_path,
        **{
            "wheels/a_b-1.0-py3-none-any.whl": "",
            "requirements__txt": "./wheels/a_b-1.0-py3-none-any.whl\n"
            "wheels/a_b-1.0-py3-none-any.whl[extra]\n",
        },
    )
    plain, extra = read_definition(tmp_path).checked().requirements
    wheel = (tmp_path / "wheels/a_b-1.0-py3-none-any.whl").resolve()
    assert (plain.name, plain.path, plain.text) == ("a-b", wheel, str(wheel))
    assert (extra.name, extra.text) == ("a-b", f"{wheel}[extra]")


def test_options_and_constraints_are_kept_and_logins_are_not_shown(tmp_path):
    write(
        tmp_path,
        requirements__txt="-i https://me:secret@h/simple\n--extra-index-url=https://x/\n"
        "--no-index\n-f wheels\n-c limits.txt\n-r more.txt\n"
        "e @ https://me:secret@h/e-1.0-py3-none-any.whl\n",
        limits__txt="numpy<2\n",
        more__txt="other\n",
    )
    found = read_definition(tmp_path).checked()
    assert found.options == (
        ("--index-url", "https://me:secret@h/simple"),
        ("--extra-index-url", "https://x/"),
        ("--no-index", ""),
        ("--find-links", str((tmp_path / "wheels").resolve())),
    )
    assert [str(item) for item in found.constraints] == ["numpy<2"]
    assert [item.name for item in found.requirements] == ["other", "e"]
    assert "secret" not in repr(found)
    assert "secret" not in str(found.requirements[1])


def test_all_problems_are_told_at_once_with_their_places(tmp_path):
    write(
        tmp_path,
        environment__yaml="name: a b\nimage: x\nbuild: {path: ., dockerfile_path: D}\n"
        "os_type: windows\nenvironment_variables:\n  1A: b\n  C: [1]\n",
        D="RUN x\nFRM y\n",
        requirements__txt="numpy=1.2\n  ok\n./gone.whl\n--indx-url https://h\n"
        "-r missing.txt\nreq uest\n",
    )
    found = read_definition(tmp_path)
    assert places(found) == [
        ("environment_name", "environment.yaml", 1, 7),
        ("image_and_build", "environment.yaml", 3, 1),
        ("dockerfile_from", "D", 1, 1),
        ("dockerfile_instruction", "D", 2, 1),
        ("os_type", "environment.yaml", 4, 10),
        ("variable_name", "environment.yaml", 6, 3),
        ("wrong_type", "environment.yaml", 7, 6),
        ("requirement_syntax", "requirements.txt", 1, 1),
        ("requirement_missing", "requirements.txt", 3, 1),
        ("unknown_option", "requirements.txt", 4, 1),
        ("requirements_missing", "requirements.txt", 5, 1),
        ("requirement_syntax", "requirements.txt", 6, 1),
    ]
    hints = {p.line: p.hint for p in found.problems if p.file == "requirements.txt"}
    assert hints[1] == "one '=' is conda's way: write 'numpy==1.2'"
    assert hints[4] == "did you mean '--index-url'?"
    with pytest.raises(EnvironmentInvalid) as failure:
        found.checked()
    assert len(failure.value.problems) == 12
    assert failure.value.describe().endswith("nothing was built or installed")


def test_a_conda_file_says_what_of_it_is_honoured(tmp_path):
    write(
        tmp_path,
        environment__yaml="name: e\nimage: python:3.11\nconda_file: conda.yaml\n",
        conda__yaml="channels: [defaults]\nvariables: {A: 1}\ndependencies:\n"
        "- python=3.11.4\n- conda-forge::numpy=1.26\n- pip=23\n- pip:\n  - openai>=1\n"
        "  - bad=1\n",
    )
    found = read_definition(tmp_path)
    assert found.conda is not None
    assert found.python == "3.11.4"
    assert found.conda.honoured == (
        "python 3.11.4",
        "pip: not needed, requirements are installed with uv",
        "pip: 1 requirements are installed",
        "variables: 1 are set",
    )
    assert found.conda.ignored == (
        "conda-forge::numpy=1.26: only conda could install it",
        "channels: they are conda's",
    )
    (item,) = found.requirements
    assert (item.text, item.file, item.line, item.column) == (
        "openai>=1",
        "conda.yaml",
        8,
        5,
    )
    assert found.environment_variables == {"A": "1"}
    assert places(found) == [("requirement_syntax", "conda.yaml", 9, 5)]
    assert [(p.code, p.line) for p in found.warnings] == [("conda_package", 5)]
    assert "numpy==1.26" in found.warnings[0].hint


def test_a_conda_file_may_stand_in_the_environment_file(tmp_path):
    write(
        tmp_path,
        environment__yaml="name: e\nconda_file:\n  dependencies:\n  - python=3.12\n"
        "  - pip: [jinja2]\n",
    )
    found = read_definition(tmp_path).checked()
    assert (found.base, found.python) == ("default", "3.12")
    assert (found.requirements[0].name, found.requirements[0].line) == ("jinja2", 5)


def test_a_pin_of_what_the_runtime_brings_is_flagged(tmp_path):
    write(tmp_path, requirements__txt="x\npromptflow==1.9\n")
    found = read_definition(tmp_path).checked()
    assert [(p.code, p.line) for p in found.warnings] == [("own_package", 2)]


def test_files_that_refer_to_each_other_are_told(tmp_path):
    write(
        tmp_path, requirements__txt="-r other.txt\n", other__txt="-r requirements.txt"
    )
    assert places(read_definition(tmp_path)) == [
        ("requirements_loop", "other.txt", 1, 1)
    ]


def test_a_folder_with_nothing_in_it_is_no_environment(tmp_path):
    with pytest.raises(NotFound) as failure:
        read_definition(tmp_path)
    assert failure.value.code == "environment_missing"
