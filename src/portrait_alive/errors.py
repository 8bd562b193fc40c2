"""Every error a user can meet, with the exit code it ends in.

A message names the file, what is wrong with it and what to do next; the command line prints it as it is.
Exit codes: 0 done, 1 failed, 2 usage, 3 no face, 4 some of a batch failed, 130 interrupted.
"""

from typing import ClassVar


class PortraitAliveError(Exception):
    """Base of all errors that are the input's or the environment's fault, never a bug of ours."""

    exit_code: ClassVar[int] = 1


class UnreadableInputError(PortraitAliveError):
    """A picture, clip, motion file, person file or weight file is missing, damaged or not what it claims."""


class OutputError(PortraitAliveError):
    """The output cannot be written: it exists, its folder is read-only, or its kind cannot hold the result."""


class UsageError(PortraitAliveError):
    """Options that do not fit together or are out of range."""

    exit_code = 2


class NoFaceError(PortraitAliveError):
    """No face was found where one is needed."""

    exit_code = 3


class MissingDependencyError(PortraitAliveError):
    """An optional package, a system library or a weight file is not installed; the message says how to get it."""


class BatchIncompleteError(PortraitAliveError):
    """Some rows of a batch failed; the others are done."""

    exit_code = 4
