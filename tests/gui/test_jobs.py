from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QObject, QThread

from clapsep_desktop.gui.jobs import Job, JobRunner, Progress, ProgressModel, Steps, retold


@pytest.fixture
def runner(qtbot) -> Iterator[JobRunner]:
    runner = JobRunner()
    yield runner
    runner.close()
    runner.deleteLater()


def test_work_that_reports_otherwise_is_closed_with_the_job():
    closed = []

    def work(parts):
        try:
            yield from range(parts)
            return "done"
        finally:
            closed.append(parts)

    def tell(part: int) -> Progress:
        return Progress("working", part)

    steps = retold(work(2), tell)
    assert [next(steps), next(steps)] == [Progress("working", 0), Progress("working", 1)]
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == "done"
    stopped = retold(work(3), tell)
    next(stopped)
    stopped.close()
    assert closed == [2, 3]


class Listener(QObject):
    """Notes what a runner says, and on which thread."""

    def __init__(self, runner: JobRunner) -> None:
        super().__init__(runner)
        self.said: list[tuple[str, object]] = []
        self.threads: set[QThread] = set()
        runner.started.connect(lambda job: self.note("started", job.title))
        runner.progressed.connect(lambda _, progress: self.note("progressed", progress.phase))
        runner.cancelling.connect(lambda job: self.note("cancelling", job.title))
        runner.finished.connect(lambda _, result: self.note("finished", result))
        runner.stopped.connect(lambda job: self.note("stopped", job.title))
        runner.failed.connect(lambda _, error: self.note("failed", str(error)))

    def note(self, kind: str, what: object) -> None:
        self.said.append((kind, what))
        self.threads.add(QThread.currentThread())


class Endless:
    """Steps that go on until they are stopped, and tell that they cleaned up."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.cleaned = threading.Event()

    def __call__(self) -> Steps[None]:
        try:
            while True:
                yield Progress("separating")
                self.running.set()
        finally:
            self.cleaned.set()


def phases(*names: str, result: object = None) -> Steps[object]:
    for name in names:
        yield Progress(name)
    return result


def test_a_job_runs_elsewhere_and_reports_on_the_gui_thread(runner, qtbot):
    listener = Listener(runner)
    threads = []

    def steps() -> Steps[int]:
        threads.append(QThread.currentThread())
        yield Progress("listening")
        yield Progress("separating")
        return 7

    results = []
    job = Job("a job", steps, on_result=results.append)
    with qtbot.waitSignal(runner.idle):
        runner.submit(job)
    assert listener.said == [
        ("started", "a job"),
        ("progressed", "listening"),
        ("progressed", "separating"),
        ("finished", 7),
    ]
    assert results == [7]
    assert listener.threads == {QThread.currentThread()}
    assert threads != [QThread.currentThread()]
    assert runner.current is None


def test_jobs_wait_for_each_other_in_order(runner, qtbot):
    listener = Listener(runner)
    with qtbot.waitSignal(runner.idle):
        for name in ("first", "second", "third"):
            runner.submit(Job(name, lambda name=name: phases("separating", result=name)))
        assert runner.waiting == 2
    kinds = [what for kind, what in listener.said if kind in ("started", "finished")]
    assert kinds == ["first", "first", "second", "second", "third", "third"]


def test_cancelling_closes_the_generator_and_says_so_at_once(runner, qtbot):
    listener = Listener(runner)
    endless, abandoned = Endless(), []
    runner.submit(Job("long", endless, on_abandoned=lambda: abandoned.append(True)))
    qtbot.waitUntil(endless.running.is_set)
    with qtbot.waitSignal(runner.stopped):
        runner.cancel()
        assert ("cancelling", "long") in listener.said  # before any event was handled
    assert endless.cleaned.is_set()
    assert abandoned == [True]
    assert listener.said[-1] == ("stopped", "long")


def test_a_waiting_job_that_is_cancelled_never_starts(runner, qtbot):
    listener = Listener(runner)
    endless = Endless()
    waiting = Job("waiting", lambda: pytest.fail("it ran"))
    runner.submit(Job("long", endless))
    runner.submit(waiting)
    runner.cancel(waiting)
    assert listener.said[-1] == ("stopped", "waiting")
    with qtbot.waitSignal(runner.idle):
        runner.cancel()
    assert ("started", "waiting") not in listener.said


def test_an_error_becomes_a_signal_and_the_next_job_runs(runner, qtbot):
    listener = Listener(runner)

    def failing() -> Steps[None]:
        yield Progress("separating")
        raise ValueError("broken")

    abandoned = []
    with qtbot.waitSignal(runner.idle):
        runner.submit(Job("bad", failing, on_abandoned=lambda: abandoned.append(True)))
        runner.submit(Job("good", lambda: phases(result="fine")))
    assert ("failed", "broken") in listener.said
    assert abandoned == [True]
    assert listener.said[-1] == ("finished", "fine")


def test_an_error_before_the_first_step_becomes_a_signal(runner, qtbot):
    def refused() -> Steps[None]:
        raise ValueError("refused")

    with qtbot.waitSignal(runner.failed) as failed:
        runner.submit(Job("bad", refused))
    assert str(failed.args[1]) == "refused"


def test_a_result_that_comes_after_the_cancel_is_discarded(runner, qtbot):
    at_the_end, go_on = threading.Event(), threading.Event()

    def steps() -> Steps[str]:
        yield Progress("writing")
        at_the_end.set()
        go_on.wait()
        return "late"

    discarded = []
    job = Job("late", steps, on_result=lambda _: pytest.fail("used"), discard=discarded.append)
    runner.submit(job)
    qtbot.waitUntil(at_the_end.is_set)
    with qtbot.waitSignal(runner.stopped):
        runner.cancel()
        go_on.set()
    assert discarded == ["late"]


def test_closing_stops_what_runs_and_what_waits(qtbot):
    runner = JobRunner()
    listener = Listener(runner)
    endless = Endless()
    runner.submit(Job("long", endless))
    runner.submit(Job("waiting", lambda: pytest.fail("it ran")))
    qtbot.waitUntil(endless.running.is_set)
    runner.close()
    assert endless.cleaned.is_set()
    assert [what for kind, what in listener.said if kind == "stopped"] == ["waiting", "long"]
    with pytest.raises(RuntimeError, match="closed"):
        runner.submit(Job("more", phases))
    runner.close()
    runner.deleteLater()


def test_many_reports_of_one_phase_become_few(runner, qtbot):
    listener = Listener(runner)
    many = ["separating"] * 5_000
    with qtbot.waitSignal(runner.idle):
        runner.submit(Job("chatty", lambda: phases(*many, "writing")))
    told = [what for kind, what in listener.said if kind == "progressed"]
    assert len(told) < 500
    assert told[0] == "separating"
    assert told[-1] == "writing"


class TestProgressModel:
    def test_knows_nothing_at_first(self):
        model = ProgressModel()
        assert (model.fraction, model.speed, model.remaining(0.0)) == (None, None, None)

    def test_the_first_part_sets_the_speed_until_there_is_more(self):
        model = ProgressModel()
        model.update(Progress("separating", 0, 100), 10.0)
        model.update(Progress("separating", 10, 100), 15.0)
        assert model.speed == 2.0
        assert model.remaining(15.0) == 45.0
        model.update(Progress("separating", 30, 100), 17.0)
        assert model.speed == 10.0
        assert model.remaining(17.0) == 7.0
        assert model.remaining(18.0) == 6.0
        assert model.fraction == 0.3

    def test_a_new_phase_begins_anew(self):
        model = ProgressModel()
        model.update(Progress("separating", 50, 100), 1.0)
        model.update(Progress("writing"), 2.0)
        assert (model.phase, model.fraction, model.remaining(3.0)) == ("writing", None, None)

    @given(
        st.lists(
            st.tuples(st.floats(0, 1e4), st.floats(0, 1e4), st.floats(0, 1e4) | st.none()),
            min_size=1,
        )
    )
    def test_never_answers_with_nonsense(self, reports):
        model, now = ProgressModel(), 0.0
        for later, done, total in reports:
            now += later
            model.update(Progress("separating", done, total), now)
            assert model.fraction is None or 0.0 <= model.fraction <= 1.0
            assert model.speed is None or model.speed > 0.0
            remaining = model.remaining(now)
            assert remaining is None or remaining >= 0.0
