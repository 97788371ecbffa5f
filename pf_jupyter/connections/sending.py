"""A connection in the form in which a run gets it (flow-format section 5)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError
from .definition import Definition, environment_name


def execution_form(
    definition: Definition, environ: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return ``{"type", "module", "value", "secret_keys"}`` with the secrets in clear.

    Parameters
    ----------
    definition
        The connection.
    environ
        Where ``${env:NAME}`` is looked up; this process's environment when None.

    Raises
    ------
    UsageError
        A variable is not set.
    """
    variables = os.environ if environ is None else environ
    value: dict[str, Any] = {}
    for key, text in {**definition.configs, **definition.secrets}.items():
        name = environment_name(text)
        if name is None:
            value[key] = text
        elif variables.get(name):
            value[key] = variables[name]
        else:
            raise UsageError(
                f"connection {definition.name!r} takes its {key} from the environment "
                f"variable {name}, which is not set",
                code="environment_variable_missing",
                hint=f"set {name} where this notebook or shell was started, or "
                f"in it: import os; os.environ[{name!r}] = …",
            )
    return {
        "type": definition.kind.class_name,
        "module": definition.module,
        "value": value,
        "secret_keys": list(definition.secrets),
    }
