"""Finding a part by name: one that ships, or a person's own as `package.module:Name`.

A dotted path imports and so runs the module it names: it comes from the person's own settings, never from a model.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Mapping
from types import ModuleType

from rewardsmith.errors import ConfigError, did_you_mean


def load(kind: str, name: str, builtin: Mapping[str, str]) -> object:
    """What `name` stands for; `builtin` maps the names that ship to their `package.module:Name`.

    `kind` is only used in messages, e.g. "feedback source".

    Raises: ConfigError: the name is neither known nor a dotted path, or the path leads nowhere.
    """
    path = builtin.get(name, name)
    module_name, colon, attribute = path.partition(":")
    if not colon:
        raise ConfigError(
            f"Unknown {kind} '{name}'.{did_you_mean(name, builtin)} "
            f"Known: {', '.join(sorted(builtin)) or 'none'}; or your own as package.module:Name."
        )
    return _attribute(_module(module_name, kind, path), attribute, kind=kind, path=path)


def _module(name: str, kind: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (ImportError, ValueError, TypeError) as error:  # the last two: an empty or a relative name
        raise ConfigError(
            f"Cannot import the {kind} '{path}': {error}. Expected package.module:Name, importable from here."
        ) from error
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = "" if isinstance(error, SyntaxError) else f" at {at.filename}:{at.lineno}"  # which tells it itself
        raise ConfigError(f"Cannot import the {kind} '{path}': {type(error).__name__}{where}: {error}.") from error


def _attribute(module: ModuleType, name: str, *, kind: str, path: str) -> object:
    if name and hasattr(module, name):
        return getattr(module, name)
    public = [word for word in dir(module) if not word.startswith("_")]
    raise ConfigError(
        f"Cannot find the {kind} '{path}': module '{module.__name__}' has no '{name}'.{did_you_mean(name, public)}"
    )
