"""Annotations with a meaning of their own."""

from dataclasses import dataclass
from typing import List


class Secret(str):
    """A parameter that holds a secret."""

    def set_secret_name(self, name):
        """Remember which secret this is."""
        self.secret_name = name


class PromptTemplate(str):
    """A parameter that holds a prompt."""


class FilePath(str):
    """A parameter that holds a path."""


@dataclass
class AssistantDefinition:
    """An assistant: model, instructions, tools."""

    model: str
    instructions: str
    tools: List

    @staticmethod
    def deserialize(data):
        """Make one from a mapping."""
        return AssistantDefinition(
            model=data.get("model", ""),
            instructions=data.get("instructions", ""),
            tools=data.get("tools", []),
        )

    def serialize(self):
        """Return the fields as a mapping."""
        return {
            "model": self.model,
            "instructions": self.instructions,
            "tools": self.tools,
        }


class AttrDict(dict):
    """A mapping whose keys are attributes too."""

    def __getattr__(self, key):
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __setattr__(self, key, value):
        self[key] = value
