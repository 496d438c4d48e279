"""The promise, kept by every backend."""

from tests.contracts.multipart import MultipartContract, multipart, size
from tests.contracts.storage import StorageContract

__all__ = ["multipart", "size"]


class TestStorage(StorageContract):
    pass


class TestMultipart(MultipartContract):
    pass
