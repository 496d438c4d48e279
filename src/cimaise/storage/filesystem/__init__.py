"""Objects as files below one folder. :class:`FilesystemStorage` is all that others need."""

from cimaise.storage.filesystem.store import FilesystemStorage

__all__ = ["FilesystemStorage"]
