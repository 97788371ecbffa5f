"""Kernels that this server starts are told where it is, and what to ask it with."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth import User
from jupyter_server.base.call_context import CallContext

from ..workspace.remote_routes import (
    ADDRESS_VARIABLE,
    CERTIFICATE_VARIABLE,
    TOKEN_VARIABLE,
    URL_VARIABLE,
)
from ..workspace.serving import STORE_URL_VARIABLE
from .log import log

if TYPE_CHECKING:
    from .served import Served


def give_kernels_an_address(
    serverapp: Any, served: Served, principal: Callable[[User | None], str]
) -> None:
    """Wrap the start and the end of kernels of a server.

    A kernel that starts gets the server's address and a token of its own in its
    environment; the token is taken back when the kernel is shut down. A kernel that is
    restarted keeps both.
    """
    manager = serverapp.kernel_manager
    start, shut_down = manager.start_kernel, manager.shutdown_kernel

    @functools.wraps(start)
    async def start_kernel(**options: Any) -> str:
        if options.get("kernel_id") in manager:
            return str(await ensure_async(start(**options)))
        handler = CallContext.get(CallContext.JUPYTER_HANDLER)
        who = principal(getattr(handler, "current_user", None))
        token = served.tokens.make("", who)
        environment = dict(options.get("env") or os.environ)
        environment |= _variables(serverapp, served, token)
        # the records are the server's alone, and so is the way to them
        environment.pop(STORE_URL_VARIABLE, None)
        try:
            kernel = str(await ensure_async(start(**{**options, "env": environment})))
        except BaseException:
            served.tokens.forget(token)
            raise
        served.tokens.belongs(token, kernel)
        return kernel

    @functools.wraps(shut_down)
    async def shutdown_kernel(kernel_id: str, *given: Any, **options: Any) -> Any:
        done = await ensure_async(shut_down(kernel_id, *given, **options))
        if not options.get("restart"):
            served.tokens.revoke_kernel(kernel_id)
        return done

    try:
        manager.start_kernel, manager.shutdown_kernel = start_kernel, shutdown_kernel
    except AttributeError as error:
        log.warning("kernels work without this server: %s", error)


def _variables(serverapp: Any, served: Served, token: str) -> dict[str, str]:
    from .app import address_file, local_url

    variables = {
        URL_VARIABLE: local_url(serverapp),
        TOKEN_VARIABLE: token,
        ADDRESS_VARIABLE: str(address_file(served.folder, serverapp)),
    }
    if serverapp.certfile:
        variables[CERTIFICATE_VARIABLE] = os.path.abspath(serverapp.certfile)
    return variables
