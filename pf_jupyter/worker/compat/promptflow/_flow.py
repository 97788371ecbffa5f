"""Flows called from code: those of the folder that was sent to the runtime."""

import asyncio
import contextvars
import functools
import os
import sys
from enum import Enum

from promptflow.exceptions import UserErrorException

from pf_jupyter.worker.execution import limits
from pf_jupyter.worker.execution.references import known_flow
from pf_jupyter.worker.execution.run import run_request

_FILES = ("flow.dag.yaml", "flow.dag.yml", "flow.flex.yaml", "flow.flex.yml")


class FlowContext:
    """What is other in a flow that is called from code."""

    def __init__(
        self, *, connections=None, variant=None, overrides=None, streaming=None
    ):
        self.connections = connections or {}
        self.variant = variant
        self.overrides = overrides or {}
        self.streaming = streaming


class Status(Enum):
    """How a run ended."""

    Completed = "Completed"
    Failed = "Failed"
    Canceled = "Canceled"


class _RunInfo:
    def __init__(self, result):
        self.status = Status(result["status"])
        self.error = result["error"]
        self.metrics = result["metrics"]


class LineResult:
    """What came of a call: ``output``, ``run_info`` and ``node_run_infos``."""

    def __init__(self, result):
        self.output = result["outputs"] or {}
        self.run_info = _RunInfo(result)
        self.node_run_infos = result["nodes"]


class Flow:
    """A flow as a function: ``Flow.load(source="folder")(question="…")["answer"]``.

    Parameters
    ----------
    path
        The flow file.
    """

    def __init__(self, path):
        self.path = path
        self.code = os.path.dirname(path)
        self.context = FlowContext()
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self._flow = known_flow(text)
        if self._flow is None:
            raise UserErrorException(
                f"{path} cannot be loaded: it must be a flow with nodes and without "
                "problems (flow validate names them) below the folder of the flow that "
                "runs, at most 50 of them; additional_includes brings one in"
            )

    @classmethod
    def load(cls, source, **kwargs):
        """Load a flow folder, a flow file or a prompty file.

        Raises
        ------
        UserErrorException
            There is none, or none that can be called.
        """
        if str(source).endswith(".prompty"):
            return cls._load_prompty(source, kwargs)
        path = os.path.abspath(str(source))
        if os.path.isdir(path):
            found = [
                name for name in _FILES if os.path.isfile(os.path.join(path, name))
            ]
            if len(found) != 1:
                raise UserErrorException(
                    f"{source} holds {' and '.join(found) or 'no flow'}"
                )
            path = os.path.join(path, found[0])
        if not os.path.isfile(path):
            raise UserErrorException(f"there is no flow {source}")
        if os.path.basename(path) in _FILES[2:]:
            raise UserErrorException(
                f"{source} is a flex flow: import what its entry names and call that"
            )
        return cls(path)

    @staticmethod
    def _load_prompty(source, kwargs):
        from promptflow._prompty import Prompty

        return Prompty.load(source, **kwargs)

    def __call__(self, *args, **kwargs):
        """Run the flow with keyword arguments and return its outputs by name."""
        if args:
            raise UserErrorException("a flow is called with keyword arguments only")
        return self.invoke(kwargs).output

    def invoke(self, inputs, connections=None, **kwargs):
        """Run the flow and return the whole result.

        Raises
        ------
        UserErrorException
            A kind of it, called like the error's code, when the flow fails.
        """
        if self.context.variant or self.context.overrides:
            raise UserErrorException(
                "a flow that is called from code runs with its default variants and "
                "its own values; only other connections can be given"
            )
        missing = [
            name
            for name, declared in self._flow["inputs"].items()
            if declared["default"] is None and name not in inputs
        ]
        if missing:
            raise _named(
                "MissingRequiredFlowInput",
                f"the flow lacks its input{'s' if len(missing) > 1 else ''} "
                f"{', '.join(missing)}",
            )
        told = []
        call = functools.partial(
            contextvars.copy_context().run,
            run_request,
            self._request(inputs, connections or {}),
            self.code,
            told.append,
        )
        result = call()
        for event in told:
            if event["event"] == "log":
                stream = sys.stdout if event["stream"] == "stdout" else sys.stderr
                stream.write(event["text"])
        if result["status"] != "Completed":
            error = result["error"] or {}
            made = _named(str(error.get("code")), error.get("message", ""))
            made.hint = error.get("hint", "")
            raise made
        return LineResult(result)

    def _request(self, inputs, connections):
        flow = dict(self._flow)
        chosen = self.context.connections
        if chosen:
            flow["nodes"] = [_other(node, chosen) for node in flow["nodes"]]
        return {
            "flow": flow,
            "inputs": dict(inputs),
            "connections": {**limits.given_connections.get(), **connections},
            "timeout": limits.seconds_left(),
        }


class AsyncFlow(Flow):
    """The same for coroutines: ``await AsyncFlow.load(source="folder")(…)``."""

    @staticmethod
    def _load_prompty(source, kwargs):
        from promptflow._prompty import AsyncPrompty

        return AsyncPrompty.load(source, **kwargs)

    async def __call__(self, *args, **kwargs):
        """Run the flow without blocking the loop; see `Flow.__call__`."""
        return (
            (await self.invoke(kwargs)).output if not args else super().__call__(*args)
        )

    async def invoke(self, inputs, *, connections=None, **kwargs):
        """Run the flow without blocking the loop; see `Flow.invoke`."""
        context = contextvars.copy_context()
        call = functools.partial(context.run, super().invoke, inputs, connections)
        return await asyncio.get_running_loop().run_in_executor(None, call)


def _named(code, message):
    """Return an exception that code written for promptflow catches by its base."""
    return type(code, (UserErrorException,), {})(message)


def _other(node, connections):
    values = dict(connections.get(node["name"]) or {})
    if not values:
        return node
    changed = {**node, "inputs": dict(node["inputs"])}
    if node["connection"] and "connection" in values:
        changed["connection"] = values.pop("connection")
    changed["inputs"].update(values)
    return changed
