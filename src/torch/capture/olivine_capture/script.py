"""The user's model_script: imported once, its functions called by name."""

import importlib.util
import sys
from pathlib import Path
from types import FunctionType, MethodType

from .errors import CaptureError, one_line


def as_script_error(error, doing):
    if isinstance(error, CaptureError):
        return error
    return CaptureError("script", f"{doing}: {one_line(error)}", cause=error)


class Script:
    def __init__(self, path, folder):
        self.path, self.module = path, None
        if folder:
            sys.path.insert(0, str(Path(folder).resolve()))
        if path:
            self.module = self._load(Path(path), folder)

    @staticmethod
    def _load(path, folder):
        place = path if path.exists() or not folder else Path(folder) / path
        if not place.exists():
            raise CaptureError("config", f"there is no model_script '{path}'")
        # Scripts import their neighbours.
        sys.path.insert(0, str(place.resolve().parent))
        if place.is_dir():
            name, place = place.name, place / "__init__.py"
        else:
            name = place.stem
        try:
            spec = importlib.util.spec_from_file_location(name, place)
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            raise as_script_error(error, f"the script {place} raises while it is imported") from error
        return module

    def call(self, what, key, *arguments):
        """The object of that name; the result of calling it where it is a function."""
        if self.module is None:
            raise CaptureError("config", f"{key} names '{what}', but there is no script that has it", "give model_script")
        if not hasattr(self.module, what):
            functions = [name for name, value in vars(self.module).items() if isinstance(value, FunctionType)]
            known = f"; its functions are {', '.join(functions)}" if functions else ""
            raise CaptureError("config", f"{key}: the script {self.path} has no '{what}'{known}")
        found = getattr(self.module, what)
        # A module or a class instance is callable too, and is meant itself.
        if not isinstance(found, (FunctionType, MethodType, type)):
            return found
        try:
            return found() if isinstance(found, type) else found(*arguments)
        except (Exception, SystemExit) as error:
            raise as_script_error(error, f"{what} of the script {self.path} raises") from error
