"""Which backend a URL names: the only place that knows all of them, and imports one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cimaise.state.base import State
from cimaise.state.local import LocalState

_FOLDER: Final = "state"


def open_state(url: str, *, data_dir: Path) -> State:
    """Open the state that the setting names; nothing is sent before it is used.

    Args:
        url: ``CIMAISE_STATE_URL``.
        data_dir: Where ``local:`` keeps its folder ``state``, as Redis does for bad times.

    Raises:
        ValueError: A sentence that names the variable and the form it wants.
        OSError: The folder cannot be made.
    """
    opener = OPENERS.get(url.partition(":")[0].lower())
    if opener is None:
        known = ", ".join(f"{name}:" for name in OPENERS)
        raise ValueError(f"CIMAISE_STATE_URL: expected a URL that begins with one of {known}")
    return opener(url, data_dir / _FOLDER)


def _open_local(_url: str, folder: Path) -> State:
    return LocalState(folder)


def _open_redis(url: str, folder: Path) -> State:
    from cimaise.state.redis import RedisState

    try:
        return RedisState(url, spare=LocalState(folder))
    except ValueError as fault:
        raise ValueError(f"CIMAISE_STATE_URL: {fault}") from fault


OPENERS: Final[Mapping[str, Callable[[str, Path], State]]] = {
    "local": _open_local,
    "redis": _open_redis,
    "rediss": _open_redis,
    "unix": _open_redis,
}
