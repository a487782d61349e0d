"""Processes that are handed tasks one by one: one that crashes or hangs costs its task, not the run."""

import multiprocessing
import time
import traceback
from multiprocessing import connection


class Failure:
    """What came in place of a result."""

    def __init__(self, reason):
        self.reason = reason


def serve(pipe, work):
    while True:
        task = pipe.recv()
        if task is None:
            return
        try:
            result = work(task)
        except Exception:  # noqa: BLE001  the parent tells what happened
            result = Failure(traceback.format_exc())
        pipe.send(result)


class Worker:
    def __init__(self, context, work):
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, work), daemon=True)
        self.process.start()
        other.close()
        self.task, self.deadline, self.served = None, None, 0

    def give(self, task, seconds):
        self.task, self.deadline = task, time.monotonic() + seconds
        self.served += 1
        self.pipe.send(task)

    def take(self):
        """The task's result, or the failure that the process's end was."""
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            return Failure(f"crashed with exit code {self.process.exitcode}")

    def stop(self):
        try:
            self.pipe.send(None)
        except (BrokenPipeError, ConnectionError):
            pass
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def run(tasks, work, jobs, seconds=300, renew_after=200):
    """Yields (task, result or Failure) as they come. `work` is inherited by fork and may refer to anything loaded before."""
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(tasks))
    busy = []

    def start(worker=None):
        if not waiting:
            if worker:
                worker.stop()
            return
        if worker is None or worker.served >= renew_after or not worker.process.is_alive():
            if worker:
                worker.stop()
            worker = Worker(context, work)
        worker.give(waiting.pop(), seconds)
        busy.append(worker)

    try:
        for _ in range(jobs):
            start()
        while busy:
            ready = connection.wait([worker.pipe for worker in busy], timeout=1)
            for worker in list(busy):
                late = time.monotonic() > worker.deadline
                if worker.pipe not in ready and not late:
                    continue
                busy.remove(worker)
                if worker.pipe in ready:
                    result = worker.take()
                else:
                    worker.process.kill()
                    worker.process.join()
                    result = Failure(f"not done after {seconds} s")
                yield worker.task, result
                start(worker)
    finally:
        for worker in busy:
            worker.process.kill()
