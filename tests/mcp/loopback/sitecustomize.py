"""Lets a Python program reach the tests' proxy under any host name.

    PYTHONPATH=tests/mcp/loopback LOOPBACK_PORTS=443:8443,80:8080 python ...

Python imports a module of this name when it starts. Every host name is 127.0.0.1, and a connection
to the first port of a pair goes to the second.
"""

import os
import socket

_PORTS = dict(
    map(int, pair.split(":")) for pair in os.environ.get("LOOPBACK_PORTS", "").split(",") if pair
)
_getaddrinfo = socket.getaddrinfo
_connect = socket.socket.connect


def _resolve(_host, port, family=0, *arguments, **options):
    if family == socket.AF_INET6:
        raise socket.gaierror(socket.EAI_NONAME, "only IPv4")
    return _getaddrinfo("127.0.0.1", port, socket.AF_INET, *arguments, **options)


def _redirect(self, address):
    if self.family == socket.AF_INET and address[0] == "127.0.0.1":
        address = (address[0], _PORTS.get(address[1], address[1]))
    return _connect(self, address)


socket.getaddrinfo = _resolve
socket.socket.connect = _redirect
