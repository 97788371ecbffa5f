"""Every route of the server, once: its handlers, its OpenAPI document and the calls
of `RemoteWorkspace` are all made from this table.

A new noun adds its lines here, a function for each in ``server/verbs``, and a class
that calls them beside `RemoteWorkspace`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .remote_routes_access import ACCESS_ROUTES
from .route import PREFIX as PREFIX
from .route import Route as Route
from .route import call as _call
from .route import file as _file
from .route import gone as _gone
from .route import long as _long

URL_VARIABLE = "PF_JUPYTER_SERVER"
TOKEN_VARIABLE = "PF_JUPYTER_TOKEN"
ADDRESS_VARIABLE = "PF_JUPYTER_SERVER_FILE"
CERTIFICATE_VARIABLE = "PF_JUPYTER_SERVER_CERTIFICATE"

TOKEN_PREFIX = "pfk_"
"""Begins every token that is good for these routes alone."""

OPERATION_HEADER = "Idempotency-Key"

_ALL = (
    _call("status.show", "GET status", "Tell that the server is here, and whose it is"),
    _call(
        "status.events",
        "GET events",
        "Follow what changes: which nouns, for as long as somebody reads",
        kind="stream",
    ),
    # runtimes
    _call("runtimes.list", "GET runtimes", "List the runtimes"),
    _call("runtimes.names", "GET runtime-names", "List the names of the runtimes"),
    _long("runtimes.create", "POST runtimes", "Make a runtime and bring it to ready"),
    _long("runtimes.adopt", "POST adoptions", "Make a runtime of a container"),
    _call("runtimes.show", "GET runtimes/{name}", "Show a runtime"),
    _call("runtimes.instead", "GET runtimes/{name}/instead", "Tell the ways on"),
    _long("runtimes.copy", "POST runtimes/{name}/copy", "Make a runtime like it"),
    _gone("runtimes.delete", "DELETE runtimes/{name}", "Remove a runtime"),
    _long("runtimes.start", "POST runtimes/{name}/start", "Bring a runtime to ready"),
    _call("runtimes.stop", "POST runtimes/{name}/stop", "Stop a runtime"),
    _long("runtimes.restart", "POST runtimes/{name}/restart", "Stop and start it"),
    _call("runtimes.check", "GET runtimes/{name}/check", "Check its parts"),
    _call("runtimes.stats", "GET runtimes/{name}/stats", "Show what it uses now"),
    _call("runtimes.logs", "GET runtimes/{name}/logs", "Show what happened to it"),
    _call(
        "runtimes.follow",
        "GET runtimes/{name}/logs/stream",
        "Follow what happens to it",
        kind="stream",
    ),
    _long(
        "runtimes.validate",
        "POST runtimes/{name}/validate",
        "Check a flow's file, and its code in this runtime",
    ),
    _call(
        "versions.show",
        "GET runtimes/{name}/version",
        "Show what is known of newer versions, and what was rehearsed",
    ),
    _call(
        "versions.check",
        "POST runtimes/{name}/version/check",
        "Look whether there is a newer version",
    ),
    _long(
        "versions.rehearse",
        "POST runtimes/{name}/version/rehearse",
        "Repeat recorded runs in it and in a newer version beside it",
    ),
    _long(
        "versions.update",
        "POST runtimes/{name}/version/update",
        "Let it stand on a newer version",
    ),
    _long(
        "versions.rollback",
        "POST runtimes/{name}/version/rollback",
        "Go back to before its last update",
    ),
    _call("packages.list", "GET runtimes/{name}/packages", "List what is installed"),
    _long(
        "packages.install",
        "POST runtimes/{name}/packages",
        "Install packages into this runtime now, and into nothing else",
    ),
    _long(
        "packages.capture",
        "POST runtimes/{name}/capture",
        "Make an environment of what was installed by hand, and prove it equal",
    ),
    _call(
        "packages.reset",
        "POST runtimes/{name}/reset",
        "Take off all that was installed by hand",
    ),
    _call("current.show", "GET current-runtime", "Show the runtime in use"),
    _call("current.use", "PUT current-runtime", "Make a runtime the one in use"),
    _long(
        "current.ensure",
        "POST current-runtime/ensure",
        "Bring the runtime in use to ready, or a session made for this",
    ),
    # runs
    _call("runs.list", "GET runs", "List the runs, newest first"),
    _long("runs.create", "POST runs", "Run a flow once"),
    _call("runs.show", "GET runs/{run_id}", "Show a run"),
    _call(
        "runs.record",
        "GET runs/{run_id}/record",
        "Give a run's record, from which the Python interface makes its result",
    ),
    _call("runs.trace", "GET runs/{run_id}/trace", "Show what happened inside a run"),
    _call("runs.cancel", "POST runs/{run_id}/cancel", "Stop a run that goes on"),
    _call(
        "runs.events",
        "GET runs/{run_id}/events",
        "Follow a run or a batch that goes on; Last-Event-ID takes it up again",
        kind="stream",
    ),
    _call("runs.archive", "POST runs/{run_id}/archive", "Take a run out of the lists"),
    _call("runs.restore", "POST runs/{run_id}/restore", "Bring back an archived run"),
    _gone("runs.delete", "DELETE runs/{run_id}", "Remove a run and its results"),
    # batches: a flow over rows
    _long("batches.create", "POST batches", "Run a flow over rows"),
    _long(
        "runs.resume",
        "POST runs/{run_id}/resume",
        "Run the lines of a batch that have no result",
    ),
    _call("runs.lines", "GET runs/{run_id}/lines", "Give a page of a batch's results"),
    _call("runs.line", "GET runs/{run_id}/lines/{number}", "Give one line's result"),
    _long(
        "runs.enter",
        "POST runs/{run_id}/lines/{number}/run",
        "Run a line of a batch again, or one of its nodes, with other inputs",
    ),
    _file("runs.results", "GET runs/{run_id}/results", "Give all results as jsonl"),
    _file("runs.outputs", "GET runs/{run_id}/outputs", "Give all outputs as jsonl"),
    _long(
        "runs.export",
        "POST runs/{run_id}/export",
        "Make a file of a batch, laid out as the public tool does",
    ),
    # judging runs
    _long("evaluations.create", "POST evaluations", "Run a flow over a run's outputs"),
    _call("comparisons.create", "POST comparisons", "Put runs side by side"),
    _call(
        "runs.estimates",
        "GET runs/{run_id}/estimates",
        "Give a batch's metrics with their intervals",
    ),
    _call(
        "runs.sources",
        "GET runs/{run_id}/sources",
        "Name the columns of a batch's outputs and data, for others to map",
    ),
    _call(
        "runs.judgement",
        "GET runs/{run_id}/judgement",
        "Tell how a batch was judged, and what it judges",
    ),
    # flows
    _call("flows.list", "GET flows", "List the flows below a folder of the server"),
    _call("flows.show", "POST flows/show", "Show a flow"),
    _call("flows.picture", "POST flows/picture", "Draw a flow"),
    _call("flows.validate", "POST flows/validate", "Check a flow's file"),
    _call(
        "flows.look",
        "POST flows/look",
        "Check and draw a flow as it is in an editor, saved or not",
    ),
    _call(
        "flows.starter",
        "GET flow-starters/{name}",
        "Give the files of a small flow that works as it is",
    ),
    _call("flows.examples", "GET flow-examples", "List the flows that come with us"),
    _call(
        "flows.example",
        "GET flow-examples/{name}",
        "Give the files of a flow that comes with us",
    ),
    _call(
        "flows.upload",
        "POST flows/uploads",
        "Take the files of a flow that is not on this file system",
        status=201,
    ),
    # environments
    _call("environments.list", "GET environments", "List the environments"),
    _call("environments.names", "GET environment-names", "List their names"),
    _call(
        "environments.init",
        "POST environment-starters",
        "Give the files of a folder that builds at once",
    ),
    _long("environments.build", "POST environment-builds", "Make an image and try it"),
    _long("environments.publish", "POST environments", "Give a build a number"),
    _call("environments.show", "GET environments/{reference}", "Show a version"),
    _call(
        "environments.packages",
        "GET environments/{reference}/packages",
        "List what is in a version",
    ),
    _call("environments.logs", "GET environments/{reference}/logs", "Show its build"),
    _call(
        "environments.diff",
        "GET environments/{reference}/diff",
        "Tell what another version has that this one has not",
    ),
    _long(
        "environments.check",
        "POST environments/{reference}/check",
        "Try a version again",
    ),
    _call(
        "environments.update",
        "PATCH environments/{reference}",
        "Change description and tags",
    ),
    _call(
        "environments.archive",
        "POST environments/{reference}/archive",
        "Take a version, or all of a name, out of the lists",
    ),
    _call(
        "environments.restore",
        "POST environments/{reference}/restore",
        "Bring back what was archived",
    ),
    _long(
        "environments.export",
        "POST environments/{reference}/export",
        "Make one file of a version",
    ),
    _long(
        "environments.import",
        "POST environment-imports",
        "Take over a version from a file or a registry",
    ),
    # files of those who ask: data, folders, what was exported
    _call("files.show", "GET files/{digest}", "Tell how much of a file is here"),
    _call("files.put", "PUT files/{digest}", "Give a piece of a file"),
    _file("files.get", "GET files/{digest}/content", "Give a file back"),
    # computes
    _call("computes.list", "GET computes", "List the computes"),
    _call("computes.names", "GET compute-names", "List the names of the computes"),
    _call(
        "computes.add",
        "POST computes",
        "Add a compute; its certificates are never given away again",
        status=201,
        location="computes.show",
    ),
    _call("computes.show", "GET computes/{name}", "Show a compute"),
    _call(
        "computes.auth",
        "POST computes/{name}/auth",
        "Sign in to a compute again, with the certificates that are kept or new ones",
    ),
    _call("computes.ps", "GET computes/{name}/ps", "List what lives on a compute"),
    _call("computes.check", "GET computes/{name}/check", "Check a compute"),
    _call(
        "computes.victims",
        "GET computes/{name}/victims",
        "Tell what would go with a compute",
    ),
    _call(
        "computes.remove",
        "POST computes/{name}/remove",
        "Forget a compute, with its runtimes if that is asked for",
    ),
    # connections
    _call("connections.list", "GET connections", "List the connections"),
    _call(
        "connections.create",
        "POST connections",
        "Remember a connection; its secrets are never given away again",
        status=201,
        location="connections.show",
    ),
    _call("connections.show", "GET connections/{name}", "Show a connection"),
    _call("connections.update", "PATCH connections/{name}", "Change a connection"),
    _gone("connections.delete", "DELETE connections/{name}", "Forget a connection"),
    *ACCESS_ROUTES,
    # the workspace
    _call("doctor.check", "GET doctor", "Check everything that is needed"),
    _call("doctor.fix", "POST doctor/fix", "Check everything, mend what is safe"),
    # operations: long work that goes on by itself
    _call("operations.list", "GET operations", "List your operations, newest first"),
    _call("operations.show", "GET operations/{id}", "Show where an operation is"),
    _call(
        "operations.events",
        "GET operations/{id}/events",
        "Follow an operation; Last-Event-ID takes it up again",
        kind="stream",
    ),
    _call(
        "operations.cancel",
        "POST operations/{id}/cancel",
        "Ask an operation to end",
        status=202,
    ),
    # tokens of kernels
    _call("tokens.list", "GET tokens", "List what kernels may ask", people_only=True),
    _call(
        "tokens.create",
        "POST tokens",
        "Make a token for your own kernels elsewhere; it is shown this once",
        status=201,
        people_only=True,
    ),
    _gone(
        "tokens.revoke",
        "DELETE tokens/{id}",
        "Take a kernel's token back",
        people_only=True,
    ),
)
ROUTES: Mapping[str, Route] = {route.name: route for route in _ALL}
