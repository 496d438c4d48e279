"""Which of several processes sends metrics, and when."""

from pathlib import Path

import pytest

from cimaise.cli.serving import pushing
from cimaise.cli.serving.pushing import pushed
from cimaise.settings import Settings, load


class Export:
    """Notes what it is given to send, and by which process."""

    sent: list[tuple[str, bytes]]

    def __init__(self, name: str, sent: list[tuple[str, bytes]]) -> None:
        self._name = name
        self._sent = sent

    def send(self, text: bytes) -> bool:
        self._sent.append((self._name, text))
        return True

    def close(self) -> None:
        self._sent.append((self._name, b"closed"))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """What was sent; the exporters are called by their endpoints."""
    noted: list[tuple[str, bytes]] = []
    monkeypatch.setattr(pushing, "_open", lambda endpoint: Export(endpoint, noted))
    return noted


async def text() -> bytes:
    return b"text"


def settings(tmp_path: Path, endpoint: str) -> Settings:
    loaded = load({"CIMAISE_DATA_DIR": str(tmp_path), "CIMAISE_METRICS_ENDPOINT": endpoint})
    return loaded.settings


async def test_one_of_two_processes_sends_and_the_other_when_that_has_ended(
    tmp_path: Path, sent: list[tuple[str, bytes]]
):
    first, second = "http://127.0.0.1:1", "http://127.0.0.1:2"
    one = pushing._Push(Export(first, sent), text, tmp_path / "lock")
    two = pushing._Push(Export(second, sent), text, tmp_path / "lock")
    await one.send()
    await two.send()
    assert sent == [(first, b"text")]
    one.close()
    await two.send()
    two.close()
    assert sent[2:] == [(second, b"text"), (second, b"closed")]


async def test_the_last_values_go_at_the_end(tmp_path: Path, sent: list[tuple[str, bytes]]):
    endpoint = "http://127.0.0.1:1"
    async with pushed(settings(tmp_path, endpoint), text):
        assert sent == []
    assert sent == [(endpoint, b"text"), (endpoint, b"closed")]


async def test_nothing_is_sent_where_nobody_waits_for_it(
    tmp_path: Path, sent: list[tuple[str, bytes]]
):
    async with pushed(settings(tmp_path, ""), text):
        pass
    assert sent == []
    assert not (tmp_path / "metrics.lock").exists()
