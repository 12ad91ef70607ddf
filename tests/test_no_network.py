"""The guard that keeps the tests on this machine."""

from __future__ import annotations

import socket

import pytest


def test_a_connection_beyond_this_machine_fails_the_test():
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock,
        pytest.raises(pytest.fail.Exception, match=r"192\.0\.2\.1"),
    ):
        sock.connect(("192.0.2.1", 80))  # an address reserved for documentation


def test_a_name_look_up_fails_the_test():
    with pytest.raises(pytest.fail.Exception, match=r"example\.invalid"):
        socket.create_connection(("example.invalid", 80))


def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            client.sendall(b"ready")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(5) == b"ready"
