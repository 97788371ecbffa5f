"""From HTTP to verbs and back; nothing here knows what a verb does."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from jupyter_server.auth import IdentityProvider, User
from jupyter_server.base.handlers import APIHandler
from pydantic import BaseModel, ValidationError
from tornado import web

from ..errors import NotFound, PfError, Refused, UsageError
from ..workspace.remote_routes import OPERATION_HEADER, PREFIX, TOKEN_PREFIX, Route
from ..workspace.remote_wire import error_to_json, status_of
from .content import write_content
from .groups import told_by
from .news import News
from .operations import Operation
from .resuming import begin
from .served import Served
from .streams import follow_lines, follow_news, follow_operation
from .verb import VERBS, Ask, Verb, guarded

HEAD_START_SECONDS = 10.0
"""A new operation is waited for until it tells something, so that what cannot begin is
answered as an error; this is for one that tells nothing for long."""

_TOKEN = re.compile(r"(?:token|bearer)\s+(\S+)", re.IGNORECASE)
_KEY = re.compile(r"[0-9a-f]{32}")
_STATUS_CODES = {
    400: "malformed",
    401: "refused",
    403: "refused",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
}


class _Granted(IdentityProvider):
    """Knows one request: that of a kernel with a token of ours."""

    def get_user(self, handler: web.RequestHandler) -> User | None:
        return cast("PfHandler", handler).granted

    def is_token_authenticated(self, handler: web.RequestHandler) -> bool:
        return True


_GRANTED = _Granted(parent=None)


class PfHandler(APIHandler):
    """Answers for every route of one path.

    Parameters
    ----------
    served
        What the server holds.
    verbs
        By method; none at all for a path that leads nowhere.
    principal
        Returns who somebody is to the workspace.
    """

    def initialize(
        self,
        served: Served,
        verbs: Mapping[str, Verb],
        principal: Callable[[User | None], str],
    ) -> None:
        """Take what the route's line in the table of handlers gives."""
        self.served = served
        self.verbs = verbs
        self.granted: User | None = None
        self._principal = principal
        self.kernel_principal: str | None = None

    @property
    def identity_provider(self) -> IdentityProvider:
        """Who tells users: for a kernel's token its grant, else Jupyter's own."""
        if self.granted is not None:
            return _GRANTED
        return super().identity_provider

    async def prepare(self) -> None:  # type: ignore[override]
        """Find out who asks; nobody is refused before anything else happens."""
        found = _TOKEN.match(self.request.headers.get("Authorization", ""))
        if found and found[1].startswith(TOKEN_PREFIX):
            grant = self.served.tokens.find(found[1])
            if grant is None:
                self.current_user = self._jupyter_current_user = None
                raise web.HTTPError(403, "this token is not good any more")
            self.kernel_principal = grant.principal
            self.granted = User(grant.principal)
        await super().prepare()
        if self.request.method != "OPTIONS" and self.current_user is None:
            raise web.HTTPError(403)

    def check_xsrf_cookie(self) -> None:
        """Refuse cookies without XSRF token with words."""
        if self.granted is None:
            super().check_xsrf_cookie()

    async def get(self, **path: str) -> None:
        """Answer a GET."""
        await self._serve(path)

    async def post(self, **path: str) -> None:
        """Answer a POST."""
        await self._serve(path)

    async def put(self, **path: str) -> None:
        """Answer a PUT."""
        await self._serve(path)

    async def patch(self, **path: str) -> None:
        """Answer a PATCH."""
        await self._serve(path)

    async def delete(self, **path: str) -> None:
        """Answer a DELETE."""
        await self._serve(path)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write what went wrong before or outside of a verb."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        message = getattr(error, "log_message", None) or self._reason
        if status_code >= 500:
            message = "the server failed; its log says more"
        if status_code == 405:
            self.set_header("Allow", ", ".join(sorted(self.verbs)))
        kind = {403: "Refused", 401: "Refused", 404: "NotFound"}.get(status_code, "")
        self._write(
            {
                "message": str(message),
                "code": _STATUS_CODES.get(status_code, "error"),
                "hint": "give a token, or log in" if status_code == 403 else "",
                "kind": kind or "PfError",
                "details": {},
            },
            status_code,
        )

    def _write(self, document: Any, status: int) -> None:
        self.set_status(status)
        body = document
        if not isinstance(document, (str, bytes)):
            body = json.dumps(document)
        self.finish(body)

    async def _serve(self, path: dict[str, str]) -> None:
        try:
            await self._answer(path)
        except PfError as error:
            self._write(error_to_json(error), status_of(error))

    async def _answer(self, path: dict[str, str]) -> None:
        verb = self.verbs.get(self.request.method or "")
        if verb is None:
            if not self.verbs:
                raise NotFound(
                    f"there is no {self.request.path}",
                    hint=f"GET {PREFIX}/openapi.json tells what there is",
                )
            raise web.HTTPError(405, "this path is not asked in this way")
        if verb.route.people_only and self.granted is not None:
            raise Refused(
                "a kernel's token is not good for this",
                hint="ask with Jupyter's own token, or logged in",
            )
        await self._meet()
        ask = Ask(self.served, self.principal, path)
        ask.query = self._query(verb)
        ask.body = self._body(verb)
        if verb.route.kind == "long":
            await self._begin(verb, ask)
        elif verb.route.kind == "stream":
            await self._stream(verb, ask)
        elif verb.route.kind == "file":
            await write_content(self, await self.in_thread(verb.function, ask))
        else:
            result = await self.in_thread(verb.function, ask)
            self._give(verb.route, result)

    async def _meet(self) -> None:
        """Know which groups whoever asks is in, where several people do."""
        if not self.served.team:
            return
        told = None if self.granted is not None else told_by(self.current_user)
        groups, principal = self.served.groups, self.principal
        if groups.due(principal, told):
            await self.in_thread(groups.learn, principal, told)

    @property
    def principal(self) -> str:
        """Who asks."""
        if self.kernel_principal is not None:
            return self.kernel_principal
        return self._principal(self.current_user)

    def in_thread(self, function: Callable[..., Any], *given: Any) -> Awaitable[Any]:
        """Do what blocks where it blocks nobody else."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self.served.calls, guarded, function, *given)

    def _give(self, route: Route, result: Any) -> None:
        if route.location is not None:
            shown = VERBS[route.location].route
            values = {name: str(getattr(result, name)) for name in shown.parameters}
            self.set_header("Location", self.base_url + shown.url(**values))
        if route.status == 204:
            self.set_status(204)
            self.clear_header("Content-Type")
            self.finish()
            return
        self._write(result.model_dump_json(), route.status)

    async def _begin(self, verb: Verb, ask: Ask) -> None:
        key = self.request.headers.get(OPERATION_HEADER, uuid.uuid4().hex)
        if not _KEY.fullmatch(key):
            raise UsageError(
                f"{OPERATION_HEADER} is 32 characters of 0-9 and a-f", code="bad_value"
            )
        operation, new = begin(verb, ask, key)
        if new:
            await _beginning(operation)
            if operation.raised is not None and operation.run_id is None:
                # nothing of it happened: there is nothing to follow
                raise operation.raised
        where = VERBS["operations.show"].route.url(id=operation.id)
        self.set_header("Location", self.base_url + where)
        document = {**operation.to_json(), "result": None}
        self._write(document, 202)

    async def _stream(self, verb: Verb, ask: Ask) -> None:
        last = self.request.headers.get("Last-Event-ID", "0")
        if not (last.isascii() and last.isdigit() and len(last) < 16):
            raise UsageError(
                "Last-Event-ID is the number of an event", code="bad_value"
            )
        source = await self.in_thread(verb.function, ask)
        if isinstance(source, Operation):
            await follow_operation(self, source, int(last))
        elif isinstance(source, News):
            await follow_news(self, source)
        else:
            await follow_lines(self, source)

    def _query(self, verb: Verb) -> Any:
        given = {
            name: values[-1].decode("utf-8", "replace")
            for name, values in self.request.query_arguments.items()
            if name not in ("token", "no_track_activity", "_xsrf")
            and not (name.isdigit() and not values[-1])
        }
        if verb.query is None:
            return None
        return _checked(verb.query, given)

    def _body(self, verb: Verb) -> Any:
        if verb.takes_bytes:
            return self.request.body
        raw = self.request.body.strip()
        if verb.body is None:
            return None
        if not raw:
            return _checked(verb.body, {})
        try:
            document = json.loads(raw)
        except (ValueError, RecursionError):
            raise web.HTTPError(400, "the body is no JSON") from None
        return _checked(verb.body, document)


async def _beginning(operation: Operation) -> None:
    """Wait until an operation has told something, or has ended."""
    loop = asyncio.get_running_loop()
    news = asyncio.Event()

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(news.set)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more

    leave = operation.listen(wake)
    try:
        if not operation.begun.is_set():
            await asyncio.wait_for(news.wait(), HEAD_START_SECONDS)
    except TimeoutError:
        pass  # it goes on all the same, and can be followed
    finally:
        leave()


def _checked(model: type[BaseModel], document: Any) -> Any:
    try:
        return model.model_validate_json(json.dumps(document))
    except (ValidationError, ValueError, RecursionError) as error:
        problems: list[dict[str, str]] = []
        if isinstance(error, ValidationError):
            # the values themselves stay out of it: they may be secret
            problems = [
                {
                    "place": ".".join(str(part) for part in found["loc"]),
                    "message": found["msg"],
                }
                for found in error.errors(include_input=False, include_url=False)
            ][:20]
        first = problems[0] if problems else {"place": "", "message": "it is no JSON"}
        raise UsageError(
            f"{first['place'] or 'the body'}: {first['message']}",
            code="bad_request",
            hint=f"GET {PREFIX}/openapi.json tells what is taken",
            details={"problems": problems},
        ) from None
