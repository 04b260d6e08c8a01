"""What a breaker has to do, said as simply as it can be: seconds, lists, and no storage."""

from dataclasses import dataclass, field

OPEN_S, LEASE_S, INTERVAL_S, BURST = 30, 20, 10, 3
WINDOW, LEAST = 4, 3


@dataclass
class Model:
    """One server."""

    now: int = 0
    state: str = "C"
    last: list[str] = field(default_factory=list)
    life: int = 0
    opened_at: int = 0
    probe: tuple[int, int] | None = None  # number of the call, and until when it is believed
    quiet_until: int = 0
    next_due: int = 0
    calls: list[int] = field(default_factory=list)  # the life in which each call began

    def acquire(self, mode: str, *, rated: bool) -> tuple[str, int]:
        """Return "C" or "P" and the number of the call, or why not and for how many seconds."""
        against = [(why, left) for why, left in self._against(mode, rated=rated) if left > 0]
        if against:
            return against[0]
        if rated:
            self.next_due = max(self.next_due, self.now) + INTERVAL_S
        self.calls.append(self.life)
        number = len(self.calls) - 1
        if mode != "auto" or self.state == "C":
            return "C", number
        self.state, self.probe = "H", (number, self.now + LEASE_S)
        return "P", number

    def _against(self, mode: str, *, rated: bool) -> list[tuple[str, int]]:
        auto = mode == "auto"
        believed = self.probe[1] if self.probe else 0
        early = self.now + (BURST - 1) * INTERVAL_S
        return [
            ("F", OPEN_S * (mode == "open")),
            ("O", (self.opened_at + OPEN_S - self.now) * (auto and self.state == "O")),
            ("X", (believed - self.now) * (auto and self.state == "H")),
            ("T", self.quiet_until - self.now),
            ("R", (self.next_due - early) * rated),
        ]

    def record(self, number: int, verdict: str, throttle_s: int, *, may_open: bool) -> None:
        """Take note of the result of a call."""
        self.quiet_until = max(self.quiet_until, self.now + throttle_s if throttle_s else 0)
        if self.state == "H" and self.probe is not None and self.probe[0] == number:
            self.probe = None
            if verdict in "bx":
                self._open()
            elif verdict != "i":
                self.state, self.last, self.life = "C", [], self.life + 1
        elif self.state == "C" and self.calls[number] == self.life and verdict not in "ai":
            self.last = [*self.last, verdict][-WINDOW:]
            failed = sum(each in "bx" for each in self.last) / len(self.last)
            slow = sum(each in "sx" for each in self.last) / len(self.last)
            if may_open and len(self.last) >= LEAST and max(failed, slow) > 1 / 2:
                self._open()

    def reset(self) -> None:
        """Begin anew, but for the rate."""
        self.state, self.last, self.probe, self.life = "C", [], None, self.life + 1

    def _open(self) -> None:
        self.state, self.last, self.opened_at = "O", [], self.now
