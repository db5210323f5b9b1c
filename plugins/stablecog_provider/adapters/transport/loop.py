"""Drives libcurl's transfers on an event loop: the loop watches libcurl's sockets and timer, and no thread is involved.

Python runs signal handlers between two of its instructions, so that an exception of Airflow's `execution_timeout` is often raised
inside a callback of libcurl. It ends all transfers and is raised in whoever waits for them. None is lost; nobody waits for ever.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import pycurl

from .curl_errors import CurlError

_IDLE_CONNECTIONS = 128
"""Kept open per client. At most as many as are in use at once, which `concurrency` limits."""
_OF_CALLBACK = (pycurl.E_WRITE_ERROR, pycurl.E_ABORTED_BY_CALLBACK)
_READS = (pycurl.POLL_IN, pycurl.POLL_INOUT)
_WRITES = (pycurl.POLL_OUT, pycurl.POLL_INOUT)


class Exchange(Protocol):
    """One request and its response. `handle`: libcurl's, with all options set."""

    handle: pycurl.Curl

    def ended(self, failure: BaseException | None) -> None:
        """Called once, when the transfer has ended. `failure`: a CurlError, or the exception that interrupted it."""

    def check(self, now: float) -> None:
        """Called now and then with the loop's time. May call `CurlLoop.stop`."""


class CurlLoop:
    """libcurl's multi handle on the running event loop. Made inside the loop, used by it only.

    `check_every`: seconds between two checks of an exchange.
    """

    def __init__(self, check_every: float = 1.0) -> None:
        self.loop = asyncio.get_running_loop()
        self._check_every = check_every
        self._lost: BaseException | None = None
        self._running: dict[pycurl.Curl, Exchange] = {}
        self._watched: dict[int, int] = {}
        # libcurl appends the milliseconds until it wants to be called. A method in C: no signal handler can run inside it.
        self._asked: list[int] = []
        self._timer: asyncio.Handle | None = None
        self._checker: asyncio.TimerHandle | None = None
        self._multi = self._opened()

    def start(self, exchange: Exchange) -> None:
        """Start a transfer. Its `ended` is called later, never in here."""
        if self._lost:
            lost, self._lost = self._lost, None
            raise lost
        self._running[exchange.handle] = exchange
        self._multi.add_handle(exchange.handle)
        self._set_timer()
        if self._checker is None:
            self._checker = self.loop.call_later(self._check_every, self._check)

    def stop(self, exchange: Exchange) -> None:
        """Abort a transfer that may have ended. Its `ended` is not called."""
        if self._running.pop(exchange.handle, None) is not None:
            self._multi.remove_handle(exchange.handle)
            self._set_timer()

    def resume(self, exchange: Exchange) -> None:
        """Continue a transfer whose callback has paused it. May call that callback."""
        if exchange.handle in self._running:
            exchange.handle.pause(pycurl.PAUSE_CONT)
            self._set_timer()

    def close(self) -> None:
        """End all transfers and close all connections."""
        self._end_all(asyncio.CancelledError())

    def _opened(self) -> pycurl.CurlMulti:
        multi = pycurl.CurlMulti()
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._asked.append)
        multi.setopt(pycurl.M_MAXCONNECTS, _IDLE_CONNECTIONS)
        return multi

    def _watch(self, event: int, descriptor: int, _multi: object, _data: object) -> None:
        if self.loop.is_closed():
            # A client that was not closed is freed after its loop.
            return
        before = self._watched.pop(descriptor, 0)
        if before in _READS and event not in _READS:
            self.loop.remove_reader(descriptor)
        if before in _WRITES and event not in _WRITES:
            self.loop.remove_writer(descriptor)
        if event == pycurl.POLL_REMOVE:
            return
        self._watched[descriptor] = event
        if event in _READS and before not in _READS:
            self.loop.add_reader(descriptor, self._act, descriptor, pycurl.CSELECT_IN)
        if event in _WRITES and before not in _WRITES:
            self.loop.add_writer(descriptor, self._act, descriptor, pycurl.CSELECT_OUT)

    def _set_timer(self) -> None:
        if not self._asked:
            return
        milliseconds = self._asked[-1]
        self._asked.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if milliseconds == 0:
            self._timer = self.loop.call_soon(self._act, pycurl.SOCKET_TIMEOUT, 0)
        elif milliseconds > 0:
            self._timer = self.loop.call_later(milliseconds / 1000, self._act, pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, descriptor: int, events: int) -> None:
        """Let libcurl read, write or notice the time."""
        try:
            self._multi.socket_action(descriptor, events)
            self._finish()
            self._set_timer()
        except BaseException as error:
            self._interrupt(error)

    def _finish(self) -> None:
        while True:
            queued, succeeded, failed = self._multi.info_read()
            for handle in succeeded:
                self._end(handle, None)
            for handle, code, text in failed:
                # pycurl has printed the exception of a callback, unless it is no Exception: then it was raised.
                lost = RuntimeError(f"a callback of libcurl failed: {text}") if code in _OF_CALLBACK else None
                self._end(handle, lost or CurlError.of(handle, code, text))
            if not queued:
                return

    def _end(self, handle: pycurl.Curl, failure: BaseException | None) -> None:
        self._multi.remove_handle(handle)
        self._running.pop(handle).ended(failure)

    def _check(self) -> None:
        self._checker = None
        try:
            now = self.loop.time()
            for exchange in list(self._running.values()):
                exchange.check(now)
        except BaseException as error:
            self._interrupt(error)
        if self._running:
            self._checker = self.loop.call_later(self._check_every, self._check)

    def _interrupt(self, error: BaseException) -> None:
        """End all transfers with an exception that was raised while libcurl ran."""
        if isinstance(error, SystemError) and error.__cause__ is not None:
            # How Python reports an exception that a function in C has left behind.
            error = error.__cause__
        if not self._running:
            self._lost = error
        self._end_all(error)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error

    def _end_all(self, failure: BaseException) -> None:
        for descriptor, event in self._watched.items():
            if event in _READS:
                self.loop.remove_reader(descriptor)
            if event in _WRITES:
                self.loop.remove_writer(descriptor)
        for timer in (self._timer, self._checker):
            if timer:
                timer.cancel()
        self._timer = self._checker = None
        ended, self._running = self._running, {}
        self._watched.clear()
        self._asked.clear()
        # What libcurl was doing is unknown, so nothing of it is used again.
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, None)
        for handle in ended:
            self._multi.remove_handle(handle)
        self._multi.close()
        self._multi = self._opened()
        for exchange in ended.values():
            exchange.ended(failure)
