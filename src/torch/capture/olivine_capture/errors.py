"""What can go wrong, in words for the user."""

import traceback
from pathlib import Path

PACKAGE = Path(__file__).parent


class CaptureError(Exception):
    """`kind` is config (the request), import (a package is missing), script (the user's code) or export (torch.export)."""

    def __init__(self, kind, message, remedy="", cause=None):
        super().__init__(message)
        self.kind, self.message, self.remedy, self.cause = kind, message, remedy, cause

    def to_json(self):
        found = {"kind": self.kind, "message": self.message}
        if self.remedy:
            found["remedy"] = self.remedy
        if self.cause is not None:
            found["traceback"] = traceback_of(self.cause)
        return found


def one_line(error):
    """The type and the first line of what it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def traceback_of(error):
    """As Python prints it, without this package's own frames."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not Path(frame.filename).is_relative_to(PACKAGE)]
    shown = traceback.StackSummary.from_list(frames).format()
    return "".join(["Traceback (most recent call last):\n", *shown, *traceback.format_exception_only(type(error), error)]).rstrip()
