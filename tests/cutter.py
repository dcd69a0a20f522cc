"""A line to PostgreSQL that can be cut at the worst moment."""

import contextlib
import socket
import threading


class Cutter:
    """Stands between a client and PostgreSQL; when armed, it keeps the answer to the next COMMIT and cuts the line."""

    def __init__(self, port: int) -> None:
        """Listen for clients of the server at `port`."""
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.armed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more clients."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        mute, answered = threading.Event(), threading.Event()

        def forward(server: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := server.recv(65536):
                    if mute.is_set():
                        answered.set()
                    else:
                        client.sendall(data)

        with client, socket.create_connection(("127.0.0.1", self._port)) as server, contextlib.suppress(OSError):
            threading.Thread(target=forward, args=(server,), daemon=True).start()
            while data := client.recv(65536):
                if b"COMMIT" in data and self.armed.is_set():
                    self.armed.clear()
                    mute.set()
                server.sendall(data)
                if mute.is_set():
                    answered.wait(10)
                    return
