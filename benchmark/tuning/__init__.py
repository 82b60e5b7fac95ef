"""Tuning on equal terms: every method gets as many trials of the same budget.

A study searches one method's hyperparameters (``methods.tunable``) on one domain. Its first trial
is the method's own defaults. Trials are scored on validation images alone: what tunes holds no test
image (``questions``). The better half of the trials goes on at each rung (``halving``). Any number
of workers, by any executor, shares the studies of a results folder (``search``, ``worker``).
"""
