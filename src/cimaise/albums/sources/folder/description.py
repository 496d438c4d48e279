"""``album.toml``: what the owner of a folder says of it.

    title = "Summer at the lake"
    cover = "morning.jpg"
    visibility = "unlisted"       # public, unlisted, private
    members = ["anna", "bert"]    # who may see it though it is private
    sort = "name"                 # date, name, taken

    [captions]
    "morning.jpg" = "The first morning"

Every line may be left out. A file that cannot be read makes its album private: what it was meant
to say could have been that.
"""

import os
from dataclasses import dataclass, field
from typing import Final

import msgspec

from cimaise.access.policy import Visibility
from cimaise.albums.model import Sort
from cimaise.albums.sources.folder.tree import read_small_file
from cimaise.errors import NotFound

FILE_NAME: Final = "album.toml"
MAX_BYTES: Final = 1024 * 1024


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an ``album.toml`` says.

    Attributes:
        title: Empty: the folder's name.
        cover: Name of a picture or thumbnail in the folder; empty: chosen by itself.
        visibility: ``None``: that of the folder around it, in the end public.
        members: Names of accounts that may see the album though it is private; with a visibility
            of its own it does not go by the folder around it.
        sort: How pictures are ordered where nobody asks.
        captions: By file name.
    """

    title: str = ""
    cover: str = ""
    visibility: Visibility | None = None
    members: tuple[str, ...] = ()
    sort: Sort = Sort.DATE
    captions: dict[str, str] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadDescription:
    """What was found; ``fault`` says what is wrong with the file, for whoever runs the server."""

    description: Description = field(default_factory=Description)
    fault: str = ""


def read_description(folder: int) -> ReadDescription:
    """The description in an open folder; an empty one where there is none. Blocks."""
    try:
        os.stat(FILE_NAME, dir_fd=folder, follow_symlinks=False)
        content = read_small_file(folder, FILE_NAME, MAX_BYTES)
        return ReadDescription(msgspec.toml.decode(content, type=Description))
    except FileNotFoundError:
        return ReadDescription()
    except NotFound:
        fault = "no regular file"
    except (OSError, ValueError, RecursionError) as raised:  # TOML's and msgspec's are ValueErrors
        fault = str(raised) or type(raised).__name__
    return ReadDescription(Description(visibility=Visibility.PRIVATE), fault)
