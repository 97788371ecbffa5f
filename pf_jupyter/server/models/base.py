"""What all models share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Name = Annotated[str, Field(min_length=1, max_length=255)]
Text = Annotated[str, Field(max_length=4096)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Json = dict[str, JsonValue]


class Asked(BaseModel):
    """What is taken: unknown fields and other types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    """What is given: clients leave out what is new to them."""

    model_config = ConfigDict(extra="allow")


class Nothing(Asked):
    """An empty body."""


class ErrorAnswer(Answer):
    """Why something was not done, and the way out."""

    message: str
    code: str
    hint: str
    kind: str = "PfError"
    details: dict[str, Any] = {}
