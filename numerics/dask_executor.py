"""An existing Dask cluster as an executor; Dask is an extra, imported here alone."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from theory.arguments import NotAvailableError

CONNECTING = "10s"


@contextmanager
def dask_cluster(address: str) -> Iterator[Executor]:
    """Provide an executor that runs on the cluster of a scheduler; Dask starts work of a lost worker elsewhere.

    Workers need this toolkit, of the same version.  A result is the same to the last digit on workers that keep their
    linear algebra to one thread, as `dask worker` does by itself.

    Args:
        address: of the scheduler, such as "tcp://host:8786".

    Raises:
        NotAvailableError: Dask is not installed.
        OSError: no scheduler answers at that address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise NotAvailableError("--executor dask needs Dask: pip install 'prompt-attention-theory[dask]'") from None
    try:
        client: Any = Client(address, timeout=CONNECTING, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise OSError(f"no Dask scheduler answers at {address}: {error}") from None
    with client, client.get_executor(pure=False) as executor:
        yield executor
