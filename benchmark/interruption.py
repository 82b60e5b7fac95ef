"""Signals that end a run: as gently as Ctrl-C does."""

import signal
import threading


def gentle() -> None:
    """Let SIGTERM, which clusters send before they kill, end a run so that leases are given back.

    Python hands signals to the main thread; elsewhere nothing is changed.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupted)


def interrupted(number: int, frame: object) -> None:
    """End the run as Ctrl-C does."""
    del number, frame
    raise KeyboardInterrupt
