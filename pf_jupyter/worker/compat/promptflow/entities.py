"""Connections under their old address, and settings of package tools."""

from promptflow._flow import FlowContext  # noqa: F401
from promptflow._unavailable import unavailable
from promptflow.connections import *  # noqa: F403

Run = unavailable("promptflow.entities.Run", "promptflow-devkit")


class InputSetting:
    """How a user interface shows one input of a tool."""

    def __init__(self, **kwargs):
        for name, value in kwargs.items():
            setattr(self, name, value)


class DynamicList:
    """Choices that a function gives to a user interface."""

    def __init__(self, function, input_mapping=None):
        self.function = function
        self.input_mapping = input_mapping
