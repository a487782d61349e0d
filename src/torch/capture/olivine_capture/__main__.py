"""python -m olivine_capture REQUEST.json"""

import json
import sys
import warnings
from pathlib import Path

from .environment import go_offline, need
from .errors import CaptureError, one_line
from .talk import Talk, end_with_caller


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: python -m olivine_capture REQUEST.json")
    request = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(request["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    go_offline()
    warnings.simplefilter("ignore")
    end_with_caller()
    talk = Talk()
    try:
        talk.progress("importing torch")
        need("torch")
        from .capture import capture

        capture(request, folder, talk)
    except CaptureError as error:
        return fail(folder, error)
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001  what nobody foresaw is told like the rest
        return fail(folder, CaptureError("internal", f"the capture failed: {one_line(error)}", cause=error))
    return 0


def fail(folder, error):
    (folder / "error.json").write_text(json.dumps(error.to_json(), indent=2))
    return 1


if __name__ == "__main__":
    sys.exit(main())
