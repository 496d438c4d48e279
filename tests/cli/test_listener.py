"""Addresses and ports to listen on."""

import socket

import pytest

from cimaise.cli.refusal import Refused
from cimaise.cli.serving.listener import listen


def test_port_0_takes_a_free_one():
    (listener,) = listen("127.0.0.1", 0)
    with listener:
        assert listener.getsockname()[1] > 0
        socket.create_connection(listener.getsockname()).close()


def test_a_name_listens_on_all_its_addresses_with_one_port():
    listeners = listen("localhost", 0)
    assert len({listener.getsockname()[1] for listener in listeners}) == 1
    for listener in listeners:
        listener.close()


def test_a_taken_port_is_refused():
    (taken,) = listen("127.0.0.1", 0)
    with taken, pytest.raises(Refused, match="in use"):
        listen("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("192.0.2.1", "no address of this machine"),
        ("no-such-host.invalid", "no such host"),
        ("a" * 300, "no such host"),
    ],
)
def test_a_host_that_is_not_here_is_refused(host: str, words: str):
    with pytest.raises(Refused, match=words):
        listen(host, 0)
