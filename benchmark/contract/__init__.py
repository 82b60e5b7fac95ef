"""What every method and every task must pass, for authors here and outside.

``ldbench check NAME`` runs it; a test may run one promise at a time:

    @pytest.mark.parametrize("promise", PROMISES)
    def test_contract(promise):
        PROMISES[promise](MyMethod)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from benchmark.contract.methods import PROMISES
from benchmark.contract.tasks import TASK_PROMISES, Subject

__all__ = ["PROMISES", "TASK_PROMISES", "Subject", "Verdict", "check"]

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a promise is kept, and what to mend if not."""

    promise: str
    passed: bool
    remedy: str = ""


def check(subject: S, promises: Mapping[str, Callable[[S], None]]) -> list[Verdict]:
    """Try every promise on a method's class or on a task with its data; none stops the others."""
    verdicts = []
    for name, keep in promises.items():
        try:
            keep(subject)
        except AssertionError as broken:
            verdicts.append(Verdict(name, passed=False, remedy=str(broken)))
        except Exception as error:  # noqa: BLE001  (whatever an outside method raises is reported)
            verdicts.append(Verdict(name, passed=False, remedy=f"{type(error).__name__}: {error}"))
        else:
            verdicts.append(Verdict(name, passed=True))
    return verdicts
