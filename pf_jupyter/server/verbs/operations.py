"""Long work that goes on."""

from __future__ import annotations

from typing import Any

from .. import models
from ..verb import Ask, verb


@verb("operations.list", answer=models.OperationsAnswer)
def _list(ask: Ask) -> Any:
    found = [o.to_json() for o in ask.served.operations.all(ask.principal)]
    # a list is for finding; what came of each is shown with it
    short = [{**operation, "result": None} for operation in found]
    return models.OperationsAnswer.model_validate({"operations": short})


@verb("operations.show", answer=models.OperationAnswer)
def _show(ask: Ask) -> Any:
    return models.OperationAnswer.model_validate(_operation(ask).to_json())


@verb("operations.events")
def _events(ask: Ask) -> Any:
    return _operation(ask)


@verb("operations.cancel", body=models.Nothing, answer=models.OperationAnswer)
def _cancel(ask: Ask) -> Any:
    operation = _operation(ask)
    operation.cancel()
    return models.OperationAnswer.model_validate(operation.to_json())


def _operation(ask: Ask) -> Any:
    return ask.served.operations.get(ask.path["id"], ask.principal)
