"""What the server does with flow folders."""

from __future__ import annotations

from typing import Any

from ...commands.starters import STARTERS
from ...errors import NotFound, UsageError
from ...workspace.api import FlowInfo
from ...workspace.remote_wire import pack, unpack, validation_to_json
from ...workspace.serving import example_files, look_at_flow, require
from .. import models
from ..paths import below_root, flow_path
from ..verb import Ask, verb


def _flow_answer(info: FlowInfo) -> models.FlowAnswer:
    return models.FlowAnswer.model_validate(
        pack(
            {
                "name": info.name,
                "path": str(info.path),
                "inputs": [dict(item) for item in info.inputs],
                "outputs": [dict(item) for item in info.outputs],
                "nodes": [dict(item) for item in info.nodes],
                "variants": {name: list(ids) for name, ids in info.variants.items()},
                "kind": info.kind,
                "entry": info.entry,
                "init": [dict(item) for item in info.init],
            }
        )
    )


@verb("flows.list", query=models.Below, answer=models.FlowsAnswer)
def _list(ask: Ask) -> Any:
    folder = below_root(ask.served.root(), ask.query.folder)
    if not folder.is_dir():
        raise UsageError(
            f"{ask.query.folder!r} is no folder", code="bad_path", hint="name a folder"
        )
    found = ask.workspace.flows.list(folder)
    return models.FlowsAnswer(flows=[_flow_answer(info) for info in found])


@verb("flows.show", body=models.OneFlow, answer=models.FlowAnswer)
def _show(ask: Ask) -> Any:
    return _flow_answer(ask.workspace.flows.show(flow_path(ask, ask.body.flow)))


@verb("flows.picture", body=models.DrawFlow, answer=models.PictureAnswer)
def _picture(ask: Ask) -> Any:
    path = flow_path(ask, ask.body.flow)
    drawn = ask.workspace.flows.picture(path, unpack(ask.body.states))
    return models.PictureAnswer(svg=drawn.svg, text=drawn.text)


@verb("flows.validate", body=models.OneFlow, answer=models.ValidationAnswer)
def _validate(ask: Ask) -> Any:
    path = flow_path(ask, ask.body.flow)
    found = ask.workspace.flows.validate(path, code=False)
    return models.ValidationAnswer.model_validate(validation_to_json(found))


@verb("flows.look", body=models.LookAtFlow, answer=models.LookAnswer)
def _look(ask: Ask) -> Any:
    path = below_root(ask.served.root(), ask.body.contents)
    return models.LookAnswer.model_validate(
        pack(look_at_flow(ask.workspace, path, ask.body.text))
    )


@verb("flows.starter", answer=models.StarterFilesAnswer)
def _starter(ask: Ask) -> Any:
    kind = ask.path["name"]
    if kind not in STARTERS:
        raise UsageError(
            f"there is no starter {kind!r}",
            code="bad_value",
            hint=f"one of {', '.join(STARTERS)}",
        )
    return models.StarterFilesAnswer(type=kind, files=dict(STARTERS[kind]))


@verb("flows.examples", answer=models.NamesAnswer)
def _examples(ask: Ask) -> Any:
    return models.NamesAnswer(names=sorted(example_files()))


@verb("flows.example", answer=models.StarterFilesAnswer)
def _example(ask: Ask) -> Any:
    name = ask.path["name"]
    files = example_files(name).get(name)
    if files is None:
        raise NotFound(
            f"there is no example {name!r}",
            code="flow_not_found",
            hint="GET flow-examples lists them",
        )
    return models.StarterFilesAnswer(type=name, files=files)


@verb("flows.upload", body=models.UploadFlow, answer=models.UploadAnswer)
def _upload(ask: Ask) -> Any:
    body: models.UploadFlow = ask.body
    require(ask.workspace, "run.create")
    ask.served.uploads.take(ask.principal, body)
    return models.UploadAnswer(upload=body.key, name=body.name, digest=body.digest)
