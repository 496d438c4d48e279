"""What a connection has waited for too long."""

from cimaise.server.inlet import Inlet
from cimaise.server.limits import Limits, Overdue
from cimaise.server.outlet import Outlet
from cimaise.server.receive import Inflow


def overdue(
    now_s: float,
    limits: Limits,
    inlet: Inlet,
    outlet: Outlet,
    *,
    answers: Inflow | None,
    is_lingering: bool,
) -> Overdue | None:
    """What is past its time; ``None``: nothing.

    Args:
        now_s: The loop's time.
        limits: How long each may take.
        inlet: The receiving half of the connection.
        outlet: The sending half: a client that does not read comes before all else.
        answers: Body of the request that is being answered, if one is.
        is_lingering: The connection has ended, and waits for the client to see it.
    """
    stalled_s = outlet.stalled_s(now_s)
    if stalled_s is not None:
        return Overdue.READER if stalled_s > limits.write_stall_s else None
    waits_for = _waits_for(inlet, answers, is_lingering=is_lingering)
    if waits_for is None:
        return None
    return waits_for if now_s - inlet.at_s > limits.longest_s(waits_for) else None


def _waits_for(inlet: Inlet, answers: Inflow | None, *, is_lingering: bool) -> Overdue | None:
    if is_lingering:
        return Overdue.END
    if answers is not None:
        return Overdue.BODY if answers.is_wanted else None
    if inlet.reader.is_in_head:
        return Overdue.HEAD
    return Overdue.REQUEST if inlet.has_asked else Overdue.FIRST
