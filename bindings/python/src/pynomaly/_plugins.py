"""Plugins: shared objects that bring detectors. Nothing is loaded until it is asked for."""

from __future__ import annotations

import os
import sys
from ctypes import byref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _library
from ._errors import Error, PluginError, call, from_status
from ._library import library, text

GROUP = "pynomaly.plugins"
"""The entry points by which Python packages say that they carry a plugin."""


@dataclass(frozen=True)
class PluginInfo:
    """A plugin that is loaded."""

    name: str
    version: str
    description: str
    author: str | None
    licence: str | None
    """An SPDX identifier."""
    path: str
    """Of the shared object, links resolved."""
    abi_version: int
    """The version of the plugin contract that it follows."""
    detectors: tuple[str, ...]


def load_plugin(plugin: str | os.PathLike[str]) -> PluginInfo:
    """Load a plugin. Its detectors are then used like the built-in ones.

    A plugin is code, and runs with all rights of the process. It stays loaded until the process ends;
    loading it again changes nothing.

    Parameters
    ----------
    plugin : str or path
        The path of a shared object or of a manifest (a path object, or a string with a slash, or
        ending in ".so" or ".toml"), or the name of an installed plugin.

    Raises
    ------
    PluginError
        It is none, or cannot be used here. The message says what was expected, what was found and
        what to do.
    FileNotFoundError, PermissionError
        A path cannot be opened.
    """
    name = os.fspath(plugin)
    if not isinstance(plugin, str) or "/" in name or name.endswith((".so", ".toml")):
        with open(name, "rb"):  # for the exceptions one knows
            name = os.path.abspath(name)
    info = _library.PluginInfo()
    call(library.pyn_plugin_load, _encode(name), byref(info))
    return _read(info)


def load_plugins() -> list[PluginInfo]:
    """Load every installed plugin.

    Those are, and the first of a name counts:

    - the manifests in the folders of the environment variable PYNOMALY_PLUGIN_PATH, in
      ~/.local/share/pynomaly/plugins, /usr/local/lib/pynomaly/plugins and /usr/lib/pynomaly/plugins;
    - what Python packages register as entry points of the group "pynomaly.plugins". The name of an
      entry is that of the plugin. The entry is a package in whose folder the plugin's manifest NAME.toml
      is, or a function ("package.module:function") that returns the path of the shared object or of
      the manifest, or the path itself.

    Returns
    -------
    plugins : list of PluginInfo
        What was found, also where it had been loaded already.

    Raises
    ------
    PluginError
        Some could not be loaded. The message tells of each, and all others have been loaded:
        `plugins` lists them.
    """
    found: dict[str, PluginInfo] = {}
    failures: list[str] = []

    def visit(manifest: bytes, info: Any, error: Any, _: Any) -> int:
        if info:
            plugin = _read(info[0])
            found.setdefault(plugin.name, plugin)
        else:
            failures.append(f"{os.fsdecode(manifest)}: {text(error[0].message)}")
        return 0

    error = _library.Error()
    status = library.pyn_plugin_load_all(_library.PluginVisitor(visit), None, byref(error))
    if status and not failures:
        raise from_status(status, error)
    loaded = {plugin.name: plugin for plugin in plugins()}
    for entry in _entry_points():
        if entry.name in loaded:
            found.setdefault(entry.name, loaded[entry.name])
            continue
        try:
            plugin = load_plugin(_place(entry))
        except Exception as failure:  # noqa: BLE001 - the entry point is code of others
            what = f"{failure}" if isinstance(failure, Error) else repr(failure)
            failures.append(f"entry point {entry.name} = {entry.value}: {what}")
        else:
            found.setdefault(plugin.name, plugin)
    if failures:
        listed = "".join(f"\n  {failure}" for failure in failures)
        raise PluginError(
            f"{len(failures)} of {len(failures) + len(found)} plugins could not be loaded:{listed}"
        )
    return list(found.values())


def plugins() -> list[PluginInfo]:
    """The plugins that are loaded, in the order of loading."""
    infos = []
    for index in range(library.pyn_plugin_count()):
        info = _library.PluginInfo()
        call(library.pyn_plugin_get_info, index, byref(info))
        infos.append(_read(info))
    return infos


def _read(info: Any) -> PluginInfo:
    return PluginInfo(
        name=text(info.name),
        version=text(info.version),
        description=text(info.description),
        author=text(info.author) if info.author else None,
        licence=text(info.licence) if info.licence else None,
        path=os.fsdecode(info.path),
        abi_version=info.abi_version,
        detectors=tuple(text(info.detectors[i]) for i in range(info.detector_count)),
    )


def _encode(name: str) -> bytes:
    if "\0" in name:
        raise ValueError(f"{name!r} contains a NUL character")
    return os.fsencode(name)


def _entry_points() -> list[Any]:
    """The entry points of our group, sorted by name."""
    from importlib.metadata import entry_points  # as heavy as all the rest of the package

    entries: Any
    if sys.version_info >= (3, 10):
        entries = entry_points(group=GROUP)
    else:
        entries = entry_points().get(GROUP, ())
    return sorted(entries, key=lambda entry: (entry.name, entry.value))


def _place(entry: Any) -> Path:
    """Where the plugin of an entry point is."""
    if ":" in entry.value:
        named = entry.load()
        return Path(named() if callable(named) else named)
    from importlib.util import find_spec

    spec = find_spec(entry.value)  # its code is not run
    folders = spec.submodule_search_locations if spec is not None else None
    if folders is None:
        raise PluginError("is not a package; name one, or a function (module:function)")
    for folder in folders:
        manifest = Path(folder, f"{entry.name}.toml")
        if manifest.is_file():
            return manifest
    raise PluginError(f"there is no {entry.name}.toml in {', '.join(folders)}")
