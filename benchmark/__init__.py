"""Top floor: the harness that runs every method on every task and reports."""
