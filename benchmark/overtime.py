"""Ends what goes on beyond its time without coming to the end of a step.

Limits are looked at after each step (``benchmark.limits``). A step that does not end is interrupted
by a signal, which Python heeds between two of its instructions and while it waits for files. What
hangs below Python, in a kernel of a GPU for example, takes its process along, after its result has
been kept: the next run, or the worker that takes the process's place, goes on with the others.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from methods.errors import TrainingError

#: Seconds beyond a limit after which a step is interrupted; after so many more its process ends.
LATE, HUNG = 5.0, 60.0
#: Seconds between two looks.
LOOK = 1.0
#: Calls that say where a process hangs, the innermost ones.
CALLS = 2

Hung = Callable[[Exception], None]


class ExceededError(TrainingError):
    """A training took more time or memory than the plan allows."""


@contextmanager
def overtime(beyond: Callable[[], float], error: ExceededError, hung: Hung) -> Iterator[None]:
    """Interrupt what is done inside when it is late.

    Args:
        beyond: Seconds beyond the limit; negative before it.
        error: Raised inside.
        hung: Given the error if that has no effect; the process ends afterwards.
    """
    over, worker = threading.Event(), threading.current_thread()
    # Python hands signals to the main thread alone.
    heeds = worker is threading.main_thread()

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        if not over.is_set():
            raise error

    def watch() -> None:
        interrupted: float | None = None
        while not over.wait(LOOK):
            late = beyond()
            if interrupted is None and late > LATE:
                interrupted = late  # far more, if most was spent before this began
                if heeds:
                    signal.pthread_kill(worker.ident or 0, signal.SIGALRM)
            if interrupted is not None and late > interrupted + HUNG and not over.is_set():
                error.add_note(f"it hangs here:\n{where(worker)}")
                end(error, hung)

    watching = threading.Thread(target=watch, name="overtime", daemon=True)
    before = signal.signal(signal.SIGALRM, interrupt) if heeds else None
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()  # no signal comes any more
        if heeds:
            signal.signal(signal.SIGALRM, before)


def where(thread: threading.Thread) -> str:
    """What a thread is doing."""
    frame = sys._current_frames().get(thread.ident or 0)
    return "".join(traceback.format_stack(frame)[-CALLS:])


def end(error: Exception, hung: Hung) -> None:
    """Tell ``hung``, then end the process; nothing gentler stops a thread that hangs."""
    try:
        hung(error)
    finally:
        sys.stderr.write(f"ldbench: {error}; a step hangs, so this process ends: run again\n")
        sys.stderr.flush()
        os._exit(1)
