# SPDX-License-Identifier: Apache-2.0
"""A server that answers what a test says, well or badly or not at all."""
import json
import socket
import threading
import time


class Server:
    """Answers with what it is given: bytes as they are, None with silence. Keeps what it was asked."""

    def __init__(self, answer, family=socket.AF_INET, address=("127.0.0.1", 0), context=None):
        self.answer, self.context, self.asked = answer, context, []
        self.socket = socket.socket(family)
        self.socket.bind(address)
        self.socket.listen()
        self.port = self.socket.getsockname()[1] if family == socket.AF_INET else 0
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)  # whoever waits in accept() is woken, too
        self.socket.close()

    def serve(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.speak, args=[client], daemon=True).start()

    def speak(self, client):
        try:
            if self.context:
                client = self.context.wrap_socket(client, server_side=True)
            text = b""
            while b"\r\n\r\n" not in text:
                text += client.recv(65536) or b"\r\n\r\n"
            self.asked.append(text.decode())
            said = self.answer(text.decode())
            if said is None:
                time.sleep(1000)
            client.sendall(said)
        except OSError:
            pass
        finally:
            client.close()


def ok(body, status="200 OK"):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
