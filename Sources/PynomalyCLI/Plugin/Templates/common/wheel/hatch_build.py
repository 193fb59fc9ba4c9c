"""Puts the plugin and its manifest into the wheel, and names the wheel after what the plugin needs."""

import platform
import re
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLUGIN = "@NAME@"
PACKAGE = "pynomaly_@IDENTIFIER@"


class PluginHook(BuildHookInterface):
    def initialize(self, version, build_data):
        build = Path(self.root).parent / "build"
        library = build / f"lib{PLUGIN}.so"
        if not library.is_file():
            raise SystemExit(f"{library} is not there yet: run make first")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag(library)}"
        for file in (library, build / f"{PLUGIN}.toml"):
            build_data["force_include"][str(file)] = f"{PACKAGE}/{file.name}"


def platform_tag(library):
    """manylinux for the newest glibc symbols the plugin asks for; linux where that means nothing."""
    machine = platform.machine()
    versions = [int(n) for n in re.findall(rb"GLIBC_2\.(\d+)\b", library.read_bytes())]
    if platform.libc_ver()[0] != "glibc" or not versions:
        return f"linux_{machine}"
    return f"manylinux_2_{max(17, *versions)}_{machine}"
