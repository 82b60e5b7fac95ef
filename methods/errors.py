"""The user's mistakes: one base, so that the command line can tell them from ours."""


class InputError(Exception):
    """What was given cannot be used; the message names it and the remedy."""


class UnknownNameError(InputError, LookupError):
    """A name that nothing is registered under."""


class ConfigError(InputError, ValueError):
    """A value that a method's or a plan's settings do not allow."""
