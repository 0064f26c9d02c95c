from __future__ import annotations

import pytest

from study_bot.errors import BuildCancelledError
from study_bot.index.progress import Monitor
from study_bot.types import Progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_rate_and_time_left_are_smoothed(clock: Clock) -> None:
    seen: list[Progress] = []
    stage = Monitor(seen.append, clock=clock).stage("生成向量", 1000, "段")
    for _ in range(10):
        clock.now += 1
        stage.advance(10)
    assert seen[0] == Progress("生成向量", 0, 1000, "段")
    assert seen[-1].rate == pytest.approx(10)
    assert seen[-1].eta == pytest.approx(90)
    clock.now += 1
    stage.advance(40)  # one fast second moves the average a little
    assert seen[-1].rate is not None
    assert 10 < seen[-1].rate < 20


def test_time_left_follows_the_size_of_the_work(clock: Clock) -> None:
    seen: list[Progress] = []
    stage = Monitor(seen.append, clock=clock).stage("读取文献", 3, "个文件", work=1_000)
    clock.now += 1
    stage.advance(work=100)
    assert seen[-1].rate == pytest.approx(1)
    assert seen[-1].eta == pytest.approx(9)


def test_many_small_steps_give_few_reports(clock: Clock) -> None:
    seen: list[Progress] = []
    stage = Monitor(seen.append, clock=clock).stage("读取文献", 1000)
    for _ in range(1000):
        clock.now += 0.001
        stage.advance()
    assert len(seen) < 15
    assert (seen[-1].done, seen[-1].eta) == (1000, 0)


def test_what_is_at_hand_is_shown_before_it_is_done(clock: Clock) -> None:
    seen: list[Progress] = []
    stage = Monitor(seen.append, clock=clock).stage("读取文献", 2, "个文件")
    clock.now += 1
    stage.show("扫描件.pdf")
    assert seen[-1] == Progress("读取文献", 0, 2, "个文件", "扫描件.pdf")


def test_an_empty_stage_is_reported(clock: Clock) -> None:
    seen: list[Progress] = []
    Monitor(seen.append, clock=clock).stage("生成向量", 0)
    assert seen == [Progress("生成向量", 0, 0)]


def test_stopping_is_noticed_at_every_step(clock: Clock) -> None:
    stop = False
    monitor = Monitor(cancelled=lambda: stop, clock=clock)
    stage = monitor.stage("读取文献", 2)
    stage.advance()
    stop = True
    for step in (monitor.check, stage.advance, lambda: stage.show(""), lambda: monitor.stage("生成向量", 1)):
        with pytest.raises(BuildCancelledError):
            step()
