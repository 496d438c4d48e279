"""What the server may answer by itself, taken from the application."""

from cimaise.server.hot import HotLane
from cimaise.web.own_lane import OwnLane
from cimaise.web.services import Services


def hot_lane(services: Services) -> HotLane:
    """Ready answers, for everybody and for one."""
    own = OwnLane(services.own_answers, services.limiter)
    return HotLane(services.answers.get, services.at_once, own)
