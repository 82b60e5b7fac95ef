"""What may go wrong that is no fault of the program's; the command line says it in one line."""


class InputError(Exception):
    """What was given cannot be used; the message names it and the remedy."""


class TrainingError(RuntimeError):
    """A training that could not be finished; the message says why."""


class DivergedError(TrainingError):
    """A loss that is not finite; says at which step."""


class UnknownNameError(InputError, LookupError):
    """A name that nothing is registered under."""


class ConfigError(InputError, ValueError):
    """A value that a method's or a plan's settings do not allow."""
