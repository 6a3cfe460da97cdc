"""A way to PostgreSQL that loses the connection at COMMIT: before the server gets it, or before it answers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

When = Literal["before", "after"]
_BEGIN, _WRITE, _COMMIT = b"BEGIN", b"INSERT INTO", b"COMMIT"


class CuttingProxy:
    """Passes bytes on between loopback ports. `when` is what it does with the next COMMIT of what wrote, once."""

    def __init__(self, server_port: int) -> None:
        self.when: When | None = None
        self.cuts = 0
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._server_port))
                threading.Thread(target=self._pass_up, args=(client, server), daemon=True).start()
                threading.Thread(target=_pass_on, args=(server, client), daemon=True).start()

    def _pass_up(self, client: socket.socket, server: socket.socket) -> None:
        has_written = False
        with suppress(OSError):
            while read := client.recv(65_536):
                has_written = _WRITE in read or (has_written and _BEGIN not in read)
                when = self.when if has_written and _COMMIT in read else None
                if when:
                    self.when, self.cuts = None, self.cuts + 1
                    client.shutdown(socket.SHUT_RDWR)  # the answer has nowhere to go
                if when == "before":
                    break
                server.sendall(read)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while read := source.recv(65_536):
            target.sendall(read)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting_proxy(server_port: int) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()
