"""One request on its way: its deadline, its sends, its end."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from cimaise.middleware.safesend.answers import DeadlineResponse, messages_of, plain_answer
from cimaise.middleware.safesend.asgi import (
    ASGIApp,
    CallLater,
    Message,
    Receive,
    Scope,
    Send,
    Timer,
)
from cimaise.middleware.safesend.reports import LateSend, Reports, sender_stack
from cimaise.middleware.safesend.wire import START, IncompleteResponse, Reason, Wire


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for every request of one middleware; its arguments, read."""

    timeout_s: float | None
    is_guarding: bool
    is_cancelling: bool
    exempt: Callable[[Scope], bool] | None
    deadline_response: DeadlineResponse
    reports: Reports
    clock: Callable[[], float]
    call_later: CallLater | None


class Exchange:
    """One request and its response. Nothing of it is shared with another."""

    __slots__ = (
        "_answer",
        "_cancelling_before",
        "_due_at",
        "_has_cancelled",
        "_has_expired",
        "_has_reported",
        "_receive",
        "_rules",
        "_scope",
        "_send",
        "_started_at",
        "_task",
        "_timer",
        "_wire",
    )

    def __init__(self, rules: Rules, scope: Scope, receive: Receive, send: Send) -> None:
        self._rules = rules
        self._scope = scope
        self._receive = receive
        self._send = send
        self._wire = Wire(scope["method"])
        self._started_at = rules.clock()
        self._due_at = 0.0
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._answer: asyncio.Task[None] | None = None
        self._cancelling_before = 0
        self._has_expired = False
        self._has_cancelled = False
        self._has_reported = False

    async def run(self, app: ASGIApp, scope: Scope) -> None:
        """Run the application to its end; what it raises passes, unless the deadline answered.

        Raises:
            IncompleteResponse: It returned, and its response had begun and is not whole. The
                server cuts the connection when this reaches it.
        """
        self._arm()
        try:
            await app(scope, self.receive, self.send if self._rules.is_guarding else self.observe)
        except (Exception, asyncio.CancelledError) as fault:
            if not self._has_expired:
                raise
            await self._conclude(fault)
        else:
            if self._has_expired:
                await self._conclude(None)
            elif self._wire.is_half_sent:
                raise IncompleteResponse("the application returned before its response was whole")
        finally:
            self._disarm()
            self._wire.close()

    async def send(self, message: Message) -> None:
        """Hand a message to the server, or ignore and report it where there is no place for it.

        Raises:
            IncompleteResponse: The body ends before its ``Content-Length``.
            UnsendableMessage: The message comes before the start.
        """
        if self._timer is not None and message["type"] == START:
            self._meet_deadline()
        admitted, reason = self._wire.admit(message)
        if admitted is not None:
            try:
                await self._send(admitted)
            except OSError:  # so says ASGI 2.4: the client has gone
                self._wire.lose_client()
                raise
        if reason is not None:
            self._report(reason, message)
            # A server's send may never yield; a handler that streams to nobody must not hold the
            # loop, and a cancellation must reach it.
            await asyncio.sleep(0)

    async def observe(self, message: Message) -> None:
        """Hand a message to the server as it is, and take note of it."""
        if self._timer is not None and message["type"] == START:
            self._meet_deadline()
        if self._answer is not None:
            await asyncio.wait({self._answer})  # or this message would be the first on the wire
        self._wire.observe(message)
        await self._send(message)

    async def receive(self) -> Message:
        """The server's next message; a disconnect is noted."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._wire.lose_client()
        return message

    def lift(self) -> bool:
        """Free this request of its deadline; ``False`` where that has answered already."""
        self._disarm()
        return not self._has_expired

    def _arm(self) -> None:
        rules = self._rules
        if rules.timeout_s is None or (rules.exempt is not None and rules.exempt(self._scope)):
            return
        self._task = asyncio.current_task()
        self._cancelling_before = self._task.cancelling() if self._task is not None else 0
        self._due_at = self._started_at + rules.timeout_s
        call_later = rules.call_later or asyncio.get_running_loop().call_later
        self._timer = call_later(rules.timeout_s, self._expire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _meet_deadline(self) -> None:
        # The timer is late where something held the loop: the clock decides, not the order.
        if self._rules.clock() < self._due_at:
            self._disarm()
        else:
            self._expire()

    def _expire(self) -> None:
        rules = self._rules
        self._disarm()
        self._has_expired = True
        if self._wire.claim("deadline"):
            self._answer = asyncio.get_running_loop().create_task(self._send_answer())
            rules.reports.add_deadline(*self._name(), rules.timeout_s or 0.0)
        if rules.is_cancelling and self._task is not None:
            self._has_cancelled = True
            self._task.cancel("deadline")

    async def _send_answer(self) -> None:
        scope = self._scope
        try:
            messages = messages_of(self._rules.deadline_response(scope), scope["method"])
        except Exception as fault:
            self._rules.reports.add_fault("deadline_response", fault)
            messages = messages_of(plain_answer(scope), scope["method"])
        for message in messages:
            await self._send(message)

    async def _conclude(self, fault: BaseException | None) -> None:
        """The handler has ended after its deadline: let the answer go out, keep the rest here."""
        try:
            self._settle(fault)
            if self._answer is not None:
                await asyncio.wait({self._answer})
                broken = self._answer.exception()
                if broken is not None:
                    raise IncompleteResponse("the time-out answer was not sent whole") from broken
        finally:
            if self._answer is not None:
                self._answer.cancel()  # nothing where it is done, as it is unless we were cancelled

    def _settle(self, fault: BaseException | None) -> None:
        """Take back our own cancellation; pass on only one that came from further out."""
        is_ours = self._has_cancelled
        if is_ours and self._task is not None:
            # The server may have cancelled as well, at its stop.
            is_ours = self._task.uncancel() <= self._cancelling_before
        if isinstance(fault, asyncio.CancelledError):
            if not is_ours:
                raise fault
        elif fault is not None:
            # The client has its answer and may use the connection again: to raise would cut it.
            self._rules.reports.add_fault("a handler, after its deadline,", fault)

    def _report(self, reason: Reason, message: Message) -> None:
        rules = self._rules
        method, path = self._name()
        elapsed_s = rules.clock() - self._started_at
        event = LateSend(reason, method, path, elapsed_s, message["type"], sender_stack())
        is_first, self._has_reported = not self._has_reported, True
        rules.reports.add(event, is_first=is_first)

    def _name(self) -> tuple[str, str]:
        return self._scope["method"], self._scope["path"]
