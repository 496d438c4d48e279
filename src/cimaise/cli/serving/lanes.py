"""What the server may answer by itself, taken from the application."""

from cimaise.delivery.open_files import OpenFile
from cimaise.server.files import FileLane
from cimaise.server.hot import HotLane
from cimaise.web.asgi.own_lane import OwnLane
from cimaise.web.files.ready_files import ReadyFiles
from cimaise.web.services import Services


def hot_lane(services: Services) -> HotLane:
    """Ready answers, for everybody and for one."""
    own = OwnLane(services.images.own_answers, services.operation.limiter, services.access.watch)
    return HotLane(services.images.answers.get, services.operation.at_once, own)


def file_lane(services: Services) -> FileLane[OpenFile]:
    """Files that are open already."""
    return FileLane(ReadyFiles(services))
