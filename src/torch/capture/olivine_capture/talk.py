"""What the caller hears while it waits, and what goes into capture.json for the user to read."""

import json
import os
import sys
import threading


def end_with_caller():
    """Whoever started us holds the other end of our standard input, if he says so; when that closes nobody waits any more."""
    if os.environ.get("OLIVINE_CAPTURE_WATCHES_INPUT"):
        threading.Thread(target=lambda: (os.read(0, 1), os._exit(130)), daemon=True).start()


class Talk:
    """Progress goes to the descriptor that was the standard output; that one becomes the standard error's, for scripts print."""

    def __init__(self):
        self.notices = []
        sys.stdout.flush()
        self._channel = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)

    def progress(self, what):
        self._channel.write(json.dumps({"progress": what}) + "\n")
        self._channel.flush()

    def notice(self, text):
        if text not in self.notices:
            self.notices.append(text)
