"""The promises of a method, by name: each takes its class and raises what to mend.

They see no wrong formula; that is what a reference test and golden values are for.
"""

from collections.abc import Callable

from benchmark.contract.behaviour import (
    fair,
    half_precision,
    odd_sizes,
    overfits,
    reproducible,
    resumes,
    sensitive,
    trains,
    watched,
)
from benchmark.contract.form import (
    complete,
    honest_input,
    own_draws,
    portable,
    refuses_small_batches,
    same_start,
    unlabelled,
)
from benchmark.contract.subject import Cls

PROMISES: dict[str, Callable[[Cls], None]] = {
    "complete": complete,
    "unlabelled": unlabelled,
    "same start": same_start,
    "honest input": honest_input,
    "own draws": own_draws,
    "reproducible": reproducible,
    "sensitive": sensitive,
    "trains": trains,
    "fair": fair,
    "portable": portable,
    "odd sizes": odd_sizes,
    "half precision": half_precision,
    "refuses small batches": refuses_small_batches,
    "resumes": resumes,
    "collapse watched": watched,
    "overfits one batch": overfits,
}
