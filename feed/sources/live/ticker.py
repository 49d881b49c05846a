"""A source of prices by WebSocket: connects, reads, and connects anew after a fault.

Theory of operation: one thread connects and reads. It passes each frame to the pure
reader of the source, and the events to the queue. The board's step calls `check`, which
keeps the time: it cuts a connection on which no message comes, so that the thread tries
again. The waits between two tries begin with a second and double. Only a price resets
them, because a server may accept every connection and send nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from feed.backoff import Backoff
from feed.events.catalogue import News
from feed.sources.live.arrivals import Arrivals
from feed.sources.live.faults import NOT_UNDERSTOOD, Fault, fault_of
from feed.sources.live.health import Health, SourceTiming
from feed.sources.live.line import LINE_ERRORS, Frames, SourceLine

logger = logging.getLogger("liveboard.live")

LAG = 60_000  # ms by which a new price may be older than it is by this board's clock
FRAMES_AT_ONCE = 50  # frames after which other threads have their turn


class TickerReader(Protocol):
    """Reads the frames of one connection after another; see `Kraken`."""

    name: str
    first_price: float
    refused: set[str]
    unpriced: set[str]
    tickers: int
    lag: int | None
    is_halted: bool

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that were asked for."""

    @property
    def deselected(self) -> set[str]:
        """The symbols on the board that are no longer asked for."""

    def begin(self) -> list[str]:
        """Return the frames to send on a new connection."""

    def read(self, frame: bytes, now: int) -> list[News]:
        """Return the events that a frame makes, which arrived at `now` (epoch ms)."""

    def shows(self, symbol: str) -> bool:
        """Whether the board has a price of a symbol."""


class Ticker:
    """The connection of one reader. `prepare` is called before each connection."""

    def __init__(
        self,
        reader: TickerReader,
        url: str,
        agent: str,
        arrivals: Arrivals,
        health: Health,
        clock: Callable[[], int],
        timing: SourceTiming,
        prepare: Callable[[SourceLine], None] | None = None,
    ) -> None:
        self._reader = reader
        self._url = url
        self._agent = agent
        self._arrivals = arrivals
        self._health = health
        self._clock = clock
        self._timing = timing
        self._prepare = prepare
        self._line = SourceLine()
        self._closing = threading.Event()
        self._backoff = Backoff(timing.first_wait, timing.longest_wait)
        self._heard: float | None = None  # monotonic; None without a connection
        self._silent = False
        self._awaited: dict[str, float] = {}  # since when a symbol has no price
        self._waits: dict[str, int] = {}  # how often one was waited for in vain
        self._known_refused: set[str] = set()

    def start(self) -> None:
        """Begin to connect, in a thread."""
        name = f"{self._reader.name} prices"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def check(self) -> None:
        """Cut the connection if no message has come for too long. Never waits."""
        heard = self._heard
        if heard is not None and time.monotonic() - heard > self._timing.silence:
            self._silent = True
            self._line.cut()

    def close(self) -> None:
        """End the thread, and close the connection."""
        self._closing.set()
        self._line.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            fault = self._read_until_fault()
            if self._closing.is_set():
                return
            if fault is not None:
                self._health.report_fault(fault)
            wait = self._backoff.next()
            if fault is not None and fault.retry_after is not None:
                wait = max(wait, fault.retry_after)
            self._closing.wait(wait)

    def _read_until_fault(self) -> Fault | None:
        """Connect and read; return why that ended, None if a symbol stayed mute."""
        self._silent = False
        self._heard = time.monotonic()
        frames = None
        try:
            if self._prepare is not None:
                self._prepare(self._line)
                self._heard = time.monotonic()
            frames = Frames(self._timing.silence)
            frames.connect(self._url, self._line, self._agent)
            for request in self._reader.begin():
                frames.send(request)
            self._awaited = dict.fromkeys(self._reader.unpriced, time.monotonic())
            self._read_frames(frames)
        except (Fault, *LINE_ERRORS) as error:
            return self._fault_of(error)
        except Exception:  # an odd frame must not end the thread; it is logged
            logger.exception("a frame of %s can't be read", self._reader.name)
            return Fault("refused", NOT_UNDERSTOOD)
        finally:
            self._heard = None
            if frames is not None:
                frames.close()
        return None

    def _fault_of(self, error: Exception) -> Fault:
        if self._silent:
            return Fault("mute", f"Nothing has come for {self._timing.silence:g} s.")
        return fault_of(error)

    def _read_frames(self, frames: Frames) -> None:
        """Read until a fault, or until a symbol's first price is overdue."""
        count = 0
        while not self._closing.is_set():
            frame = frames.next_message()
            if frame is None:
                raise Fault("away", "It closed the connection.")
            self._heard = time.monotonic()
            self._read(frame)
            if self._is_mute():
                return
            count += 1
            if count % FRAMES_AT_ONCE == 0:
                time.sleep(0.001)  # a read that needn't wait doesn't switch

    def _read(self, frame: bytes) -> None:
        before = self._reader.tickers
        self._arrivals.put(self._reader.read(frame, self._clock()))
        if self._reader.refused - self._known_refused:
            self._report_refused()
        has_price = self._reader.tickers > before
        if has_price:
            self._backoff.reset()
        if has_price or self._reader.is_halted:
            self._report()

    def _report(self) -> None:
        mute = sorted(self._reader.unpriced & self._waits.keys())
        lag = self._reader.lag
        if lag is not None and lag > LAG:
            minutes = round(lag / 60_000)
            self._health.report_late(f"Its prices are {minutes} min old.")
        elif mute and any(map(self._reader.shows, mute)):
            self._health.report_late(f"No price of {', '.join(mute)} comes.")
        else:
            self._health.report_data(self._describe_missing(mute))

    def _describe_missing(self, mute: Iterable[str]) -> str | None:
        refused = ", ".join(sorted(self._reader.refused))
        names = ", ".join(mute)
        parts = [f"It doesn't know {refused}."] if refused else []
        parts += [f"No price of {names} comes."] if names else []
        return " ".join(parts) or None

    def _is_mute(self) -> bool:
        """Return whether to connect anew for symbols that have no price.

        Each time a symbol is waited for twice as long, as it may be one that never
        trades.
        """
        if self._reader.is_halted:
            return False
        for symbol in [*self._awaited]:
            if symbol not in self._reader.unpriced:
                del self._awaited[symbol]
                self._waits.pop(symbol, None)
        now = time.monotonic()
        overdue = [
            symbol
            for symbol, since in self._awaited.items()
            if now - since > self._patience(symbol)
        ]
        for symbol in overdue:
            self._waits[symbol] = self._waits.get(symbol, 0) + 1
        return bool(overdue)

    def _patience(self, symbol: str) -> float:
        doubled: float = self._reader.first_price * 2 ** self._waits.get(symbol, 0)
        return doubled * self._timing.patience

    def _report_refused(self) -> None:
        self._known_refused = {*self._reader.refused}
        self._health.report_unknown(self._known_refused, "PRICES")
        if self._known_refused >= {*self._reader.symbols}:
            raise Fault("refused", "It knows none of the names in PRICES.")
