"""Progress of a build: smoothed rate, time left, and a place where cancelling is noticed."""

from __future__ import annotations

import time
from collections.abc import Callable

from study_bot.errors import BuildCancelledError
from study_bot.types import Progress

REPORT_EVERY_S = 0.1
"""Steps between two reports closer than this are not shown."""

SMOOTHING_S = 10.0
"""Time constant of the moving average of the rate: older speed fades over about this long."""


class Monitor:
    """Hands progress to a callback and asks another whether to stop."""

    def __init__(
        self,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cancelled = cancelled
        self.clock = clock
        self._on_progress = on_progress

    def check(self) -> None:
        """Return if the build may go on.

        :raises BuildCancelledError: someone asked to stop.
        """
        if self.cancelled is not None and self.cancelled():
            raise BuildCancelledError("已按要求停止建立索引，原有索引未受影响。")

    def report(self, progress: Progress) -> None:
        """Pass `progress` on."""
        if self._on_progress is not None:
            self._on_progress(progress)

    def stage(self, name: str, total: int, unit: str = "", *, work: float | None = None) -> Stage:
        """Begin a stage of `total` units and report it at once.

        :param work: size of the whole stage where units differ in size (bytes of files); the time left follows it.
        """
        self.check()
        return Stage(self, name, total, unit, float(total) if work is None else work)


class Stage:
    """One stage of a build. `advance` reports, at most every `REPORT_EVERY_S`, and notices cancelling.

    `done` counts the units so far.
    """

    def __init__(self, monitor: Monitor, name: str, total: int, unit: str, work: float) -> None:
        self.done = 0
        self._monitor = monitor
        self._name, self._total, self._unit = name, total, unit
        self._work, self._work_done = work, 0.0
        self._unit_rate, self._work_rate = _Rate(), _Rate()
        self._measured_at = self._reported_at = monitor.clock()
        monitor.report(Progress(name, 0, total, unit))

    def advance(self, count: int = 1, detail: str = "", *, work: float | None = None) -> None:
        """Note `count` more units done, `work` of the stage's size (default: as many); `detail` says what is at hand.

        :raises BuildCancelledError: someone asked to stop.
        """
        self._monitor.check()
        self.done += count
        self._work_done += count if work is None else work
        self._report(detail)

    def show(self, detail: str) -> None:
        """Report what is at hand without any unit done (a file that will take long)."""
        self._monitor.check()
        self._report(detail)

    def _report(self, detail: str) -> None:
        now = self._monitor.clock()
        if now - self._reported_at < REPORT_EVERY_S and self.done < self._total:
            return
        self._reported_at = now
        if self.done > self._unit_rate.seen and now > self._measured_at:
            self._unit_rate.measure(self.done, now - self._measured_at)
            self._work_rate.measure(self._work_done, now - self._measured_at)
            self._measured_at = now
        left, speed = max(0.0, self._work - self._work_done), self._work_rate.value
        eta = left / speed if speed else None
        self._monitor.report(
            Progress(self._name, self.done, self._total, self._unit, detail, self._unit_rate.value, eta)
        )


class _Rate:
    """Moving average of a counter's growth per second; `value` is None before the first measurement."""

    def __init__(self) -> None:
        self.value: float | None = None
        self.seen = 0.0

    def measure(self, count: float, seconds: float) -> None:
        latest = (count - self.seen) / seconds
        weight = min(1.0, seconds / SMOOTHING_S)
        self.value = latest if self.value is None else self.value + weight * (latest - self.value)
        self.seen = count
