"""Failures that are the user's to mend: printed as one line, never as a traceback."""


class BenchError(Exception):
    """Says what, where and what to do."""


class Missing(BenchError):
    """A program that is not on this machine; what needs it is named as missing and left out."""
