"""The functions behind the routes, and what each of them is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from ..errors import InternalError, PfError
from ..workspace.remote_routes import ROUTES, Route
from .log import log
from .models import Nothing

if TYPE_CHECKING:
    from ..workspace.api import Workspace
    from .operations import Operation
    from .served import Served

Body = TypeVar("Body", bound=BaseModel)


@dataclass
class Ask:
    """One request, its body and query checked already.

    Parameters
    ----------
    served
        What the server holds.
    principal
        Who asks.
    path
        The varying parts of the route's path.
    body, query
        Instances of the verb's models.
    operation
        Of a long verb: where it tells how it goes.
    """

    served: Served
    principal: str
    path: Mapping[str, str]
    body: Any = field(default_factory=Nothing)
    query: Any = field(default_factory=Nothing)
    operation: Operation | None = None

    @property
    def workspace(self) -> Workspace:
        """The workspace, as whoever asks has it."""
        return self.served.workspace_of(self.principal)

    @property
    def long(self) -> Operation:
        """The operation of a long verb."""
        assert self.operation is not None
        return self.operation


Function = Callable[[Ask], Any]
Resume = Callable[[Ask, str | None], Any]


@dataclass(frozen=True)
class Verb:
    """A route and what is behind it.

    Parameters
    ----------
    route
        Its line in the table.
    function
        Does it, in a thread. It returns an instance of ``answer``, or yields some of
        it where the route is a stream.
    body, query, answer
        Models of what it takes and gives; ``answer`` of a long verb is what its
        operation ends with.
    resume
        Of a long verb: goes on with what a server that is gone had begun, given the
        id of the run that it had begun, if any.
    keeps_body
        Whether the body is written down for ``resume``; it must hold no secret.
    takes_bytes
        Whether the body is a piece of a file and no JSON.
    """

    route: Route
    function: Function
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    resume: Resume | None = None
    keeps_body: bool = False
    takes_bytes: bool = False


VERBS: dict[str, Verb] = {}


def verb(
    name: str,
    *,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    resume: Resume | None = None,
    keeps_body: bool = False,
    takes_bytes: bool = False,
) -> Callable[[Function], Function]:
    """Put a function behind the route of that name."""

    def put(function: Function) -> Function:
        VERBS[name] = Verb(
            ROUTES[name],
            function,
            body,
            query,
            answer,
            resume,
            keeps_body,
            takes_bytes,
        )
        return function

    return put


def guarded(function: Callable[..., Any], *given: Any) -> Any:
    """Call, so that whatever goes wrong has words that may be told."""
    try:
        return function(*given)
    except PfError:
        raise
    except Exception as error:
        log.exception("a verb failed")
        raise InternalError(f"{type(error).__name__}") from error
