"""An existing Dask cluster as an executor; Dask is an extra, imported here alone."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from typing import Any

from theory.arguments import NotAvailableError

CONNECTING = "5s"
"""Time that a scheduler has to answer: with what Dask takes to start, a wrong address is refused within ten seconds."""

CHATTERING = ("distributed.client", "tornado.application")
"""Loggers that print tracebacks where a connection breaks: what the user has to know is in the error."""


@contextmanager
def dask_cluster(address: str) -> Iterator[Executor]:
    """Provide an executor that runs on the cluster of a scheduler; Dask starts work of a lost worker elsewhere.

    Workers need this toolkit, of the same version.  A result is the same to the last digit on workers that keep their
    linear algebra to one thread, as `dask worker` does by itself.

    Args:
        address: of the scheduler, such as "tcp://host:8786".

    Raises:
        NotAvailableError: Dask is not installed.
        OSError: no scheduler answers at that address, or the cluster is lost.
    """
    try:
        from distributed import KilledWorker
    except ImportError:
        raise NotAvailableError("--executor dask needs Dask: pip install 'prompt-attention-theory[dask]'") from None
    for name in CHATTERING:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    client = _connected(address)
    executor = client.get_executor(pure=False)
    try:
        yield executor
    except (CancelledError, KilledWorker):
        raise OSError(
            f"the Dask cluster at {address} was lost, or a task killed every worker that it was given to; what was "
            "finished is kept, and the same command goes on from there"
        ) from None
    finally:
        # Whoever comes here by an error or Ctrl-C has no use for what is still computed.
        executor.shutdown(wait=False)
        client.close()


def _connected(address: str) -> Any:
    """Return a client of the scheduler at an address."""
    from distributed import Client
    from distributed.comm.addressing import resolve_address

    try:
        resolve_address(address)  # a client given nonsense takes long to close
        return Client(address, timeout=CONNECTING, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise OSError(f"no Dask scheduler answers at {address}: {error}") from None
