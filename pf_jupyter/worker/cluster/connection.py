"""The way to a Dask cluster: checked before anything is sent there.

Different versions of Dask on the two sides leave tasks waiting for ever without a word,
so versions are asked for first, with messages that all versions understand.
"""

from __future__ import annotations

import asyncio
import platform
import warnings
from typing import Any, Dict, List, Optional, Tuple

from .carrying import furnish

LOOK_SECONDS = 15.0
_KNOCK_SECONDS = 8.0
_WORKER_SECONDS = 10.0
_MOST_NAMED = 6
_MUST_BE_EQUAL = ("python", "dask", "distributed")

Versions = Dict[str, str]


class ClusterError(Exception):
    """A cluster cannot be used; ``error`` has code, message and hint."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "hint": hint}


class Connected:
    """A cluster that can be used.

    Parameters
    ----------
    client
        Dask's.
    chunks
        The module that its workers have got.
    ours
        The versions of this process.
    owned
        Whether the client is closed with this.
    """

    def __init__(
        self, client: Any, chunks: Any, ours: Versions, *, owned: bool = True
    ) -> None:
        self.client = client
        self._owned = owned
        self.chunks = chunks
        self.versions = ours

    def facts(self) -> Dict[str, Any]:
        """Return what the host wants to know of it."""
        threads = self.threads()
        address = str(self.client.scheduler.address)
        return {
            "address": address,
            "dashboard": _dashboard(self.client),
            "workers": len(threads),
            "threads": sum(threads.values()),
            "versions": self.versions,
            "encrypted": not address.startswith("tcp://"),
            "differences": self._differences(),
        }

    def threads(self) -> Dict[str, int]:
        """Return how many threads each worker has, by its address."""
        found: Dict[str, int] = self.client.sync(
            self.client.scheduler.ncores, callback_timeout=LOOK_SECONDS
        )
        return found

    def fitting(self, addresses: List[str]) -> Tuple[List[str], List[str]]:
        """Return the workers that can be used, and why others cannot, in words."""
        answers = self.client.sync(
            self.client.scheduler.broadcast,
            msg={"op": "versions", "packages": None},
            workers=addresses,
            on_error="ignore",
            callback_timeout=LOOK_SECONDS,
        )
        good, bad = [], []
        for address, answer in answers.items():
            theirs = read_versions(answer)
            text = difference(self.versions, theirs)
            if text:
                bad.append(f"worker {address} is not used: it has {text}")
            else:
                good.append(address)
        return good, bad

    def close(self) -> None:
        """Let go of it; what it runs for others goes on."""
        if self._owned:
            self.client.close(timeout=5)

    def _differences(self) -> List[str]:
        """Return in words how workers differ from this process in what is installed."""
        ours = self.chunks.installed()
        answers = self.client.run(self.chunks.installed, on_error="ignore")
        texts: Dict[str, List[str]] = {}
        for address, theirs in sorted(answers.items()):
            found = [
                f"{name} {theirs.get(name, 'absent')} / {ours.get(name, 'absent')}"
                for name in sorted({*ours, *theirs} - {"pf-jupyter", "pip"})
                if ours.get(name) != theirs.get(name)
            ]
            if found:
                more = len(found) - _MOST_NAMED
                shown = ", ".join(found[:_MOST_NAMED])
                shown += f" and {more} more" if more > 0 else ""
                texts.setdefault(shown, []).append(address)
        return [
            f"{who[0]}{f' and {len(who) - 1} more' if who[1:] else ''} has other "
            f"packages than this side (worker / here): {shown}"
            for shown, who in texts.items()
        ]


def connect(address: str, tls: Optional[Dict[str, str]]) -> Connected:
    """Return the cluster at an address.

    Parameters
    ----------
    address
        Of its scheduler, ``tcp://…`` or ``tls://…``.
    tls
        The texts of the certificates ``ca``, ``cert`` and ``key``; None to take what
        Dask's configuration here says.

    Raises
    ------
    ClusterError
        It cannot be used.
    """
    _require_dask()
    security = _security(tls)
    scheduler, workers = asyncio.run(_look(address, security))
    ours = own_versions()
    _refuse_others(ours, address, scheduler, workers)
    from distributed import Client

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = Client(
            address, security=security, timeout=LOOK_SECONDS, set_as_default=False
        )
    return _furnished(client, ours)


def use(client: Any, *, owned: bool) -> Connected:
    """Return the cluster of a client of this process; see `connect`.

    ``owned`` tells whether the client is closed with it.
    """
    if client.asynchronous:
        raise ClusterError(
            "bad_cluster",
            "the cluster is asynchronous, which a batch cannot use",
            "make it with asynchronous=False",
        )
    found = client.get_versions()
    ours = own_versions()
    workers = {where: read_versions(one) for where, one in found["workers"].items()}
    scheduler = read_versions(found["scheduler"])
    _refuse_others(ours, str(client.scheduler.address), scheduler, workers)
    return _furnished(client, ours, owned=owned)


def _furnished(client: Any, ours: Versions, *, owned: bool = True) -> Connected:
    return Connected(client, furnish(client), ours, owned=owned)


def _require_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise ClusterError(
            "dask_missing",
            "there is no Dask in this runtime's environment",
            "%pfruntime install dask distributed, or let its environment have them",
        ) from None


def _security(tls: Optional[Dict[str, str]]) -> Any:
    from distributed import Security

    if tls is None:
        return Security()
    # Dask takes the texts themselves, too: no file is written.
    return Security(
        require_encryption=True,
        tls_ca_file=tls["ca"],
        tls_client_cert=tls["cert"],
        tls_client_key=tls["key"],
    )


async def _look(address: str, security: Any) -> Tuple[Versions, Dict[str, Versions]]:
    """Return the versions of a scheduler, and those of its workers."""
    from distributed.core import rpc

    await _knock(address)
    scheduler = rpc(address, connection_args=security.get_connection_args("client"))
    try:
        answer = await asyncio.wait_for(scheduler.versions(), LOOK_SECONDS)
        found = read_versions(answer)
        workers: Dict[str, Versions] = {}
        end = asyncio.get_running_loop().time() + _WORKER_SECONDS
        while not workers:
            answers = await asyncio.wait_for(
                scheduler.broadcast(
                    msg={"op": "versions", "packages": None}, on_error="ignore"
                ),
                LOOK_SECONDS,
            )
            workers = {where: read_versions(one) for where, one in answers.items()}
            if asyncio.get_running_loop().time() > end:
                break
            if not workers:
                await asyncio.sleep(0.25)
        return found, workers
    except asyncio.TimeoutError:
        raise _unreachable(address, f"no answer within {LOOK_SECONDS:g} s") from None
    except Exception as error:
        raise _unreachable(address, f"{type(error).__name__}: {error}") from error
    finally:
        scheduler.close_comms()


async def _knock(address: str) -> None:
    """Find out at once that nobody listens; Dask itself goes on trying for long."""
    host, _, port = address.partition("://")[2].rpartition(":")
    try:
        opening = asyncio.open_connection(host.strip("[]"), int(port))
        _reader, writer = await asyncio.wait_for(opening, _KNOCK_SECONDS)
    except asyncio.TimeoutError:
        raise _unreachable(address, f"no answer in {_KNOCK_SECONDS:g} s") from None
    except (OSError, ValueError) as error:
        raise _unreachable(address, str(error)) from None
    writer.close()


def _unreachable(address: str, why: str) -> ClusterError:
    return ClusterError(
        "dask_unreachable",
        f"the Dask scheduler at {address} cannot be reached: {why}",
        "it is looked for from inside the runtime: is its network open, and is the "
        "address one that leads there from the runtime?",
    )


def own_versions() -> Versions:
    """Return the versions of this process."""
    import dask
    import distributed

    return {
        "python": platform.python_version(),
        "dask": str(dask.__version__),
        "distributed": str(distributed.__version__),
    }


def read_versions(answer: Any) -> Versions:
    """Return what a scheduler or a worker tells of its versions."""
    if not isinstance(answer, dict):
        return {}
    packages = answer.get("packages") or {}
    host = answer.get("host") or {}
    if not isinstance(host, dict):
        host = dict(host)
    python = ".".join(str(host.get("python", "")).split(".")[:3])
    return {
        "python": python,
        "dask": str(packages.get("dask")),
        "distributed": str(packages.get("distributed")),
    }


def difference(ours: Versions, theirs: Versions) -> str:
    """Return what is not as it must be: ``distributed 2025.1.0, here 2026.8.0``."""
    texts = []
    for name in _MUST_BE_EQUAL:
        here, there = ours.get(name, ""), theirs.get(name, "")
        same = here == there
        if name == "python":
            same = here.split(".")[:2] == there.split(".")[:2]
        if not same:
            texts.append(f"{name} {there or 'unknown'}, here it is {here}")
    return "; ".join(texts)


def _refuse_others(
    ours: Versions, address: str, scheduler: Versions, workers: Dict[str, Versions]
) -> None:
    texts = []
    found = difference(ours, scheduler)
    if found:
        texts.append(f"the scheduler has {found}")
    others: Dict[str, List[str]] = {}
    for where, theirs in workers.items():
        found = difference(ours, theirs)
        if found:
            others.setdefault(found, []).append(where)
    for found, who in others.items():
        more = f" and {len(who) - 1} more" if who[1:] else ""
        texts.append(f"worker {who[0]}{more} has {found}")
    if texts:
        raise ClusterError(
            "dask_version_mismatch",
            f"the cluster at {address} has other versions: {'; '.join(texts)}",
            "let scheduler and workers run the runtime's own image, or install these "
            "versions on one side; with different ones tasks wait for ever",
        )
    if not workers:
        raise ClusterError(
            "dask_no_workers",
            f"the cluster at {address} has no workers",
            "start some: dask worker ADDRESS",
        )


def _dashboard(client: Any) -> Optional[str]:
    try:
        if "dashboard" not in client.scheduler_info()["services"]:
            return None
        return str(client.dashboard_link)
    except Exception:
        return None
