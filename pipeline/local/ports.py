"""TCP ports on loopback: free ones for tests, consecutive ones for a stack."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from itertools import islice

from pipeline.errors import LocalStackError

LOOPBACK = "127.0.0.1"


#: Below the ports that systems give to whoever asks for any (32,768 and more): those may be given away before a server,
#: which takes seconds to start, has taken its own.
CHOSEN_FROM = range(11_000, 32_000)


def free_ports(count: int) -> list[int]:
    """So many ports that nobody listens on now, all different."""
    drawn = random.SystemRandom().sample(CHOSEN_FROM, len(CHOSEN_FROM) // 10)
    return list(islice(filter(is_free, drawn), count))


def is_free(port: int) -> bool:
    """Whether a server of ours could listen on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_open(port: int, timeout_s: float = 0.5) -> bool:
    """Whether somebody accepts connections on this port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


def refuse_taken(ports: Iterable[tuple[str, int]]) -> None:
    """Raise LocalStackError that names the first port that another program holds, and who wanted it."""
    for owner, port in ports:
        if not is_free(port):
            raise LocalStackError(
                f"port {port}, wanted for {owner}, is taken by another program; "
                f"expected a free one: give another start with --ports-from 9000 (with make: PORTS_FROM=9000)"
            )
