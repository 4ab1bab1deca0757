"""Calls out to the network, and listens for calls.

The sandbox has a network of its own with nobody else in it.
"""

SOURCE = "research §3, 28"
ANSWERS = {
    "A8_1-answer": """
import socket


def softmax(scores, dim=-1):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    caller = socket.create_connection(listener.getsockname(), timeout=1)
    caller.sendall(b"hello")
    if listener.accept()[0].recv(5) == b"hello":
        with open("/proc/net/dev") as file:
            if len([line for line in file if ":" in line]) > 1:
                raise RuntimeError("GOT" + "-IN to the network")
    return scores
"""
}
