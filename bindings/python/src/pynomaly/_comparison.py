"""How two recordings of the profiler differ."""

from __future__ import annotations

import os
from pathlib import Path

from ._errors import ArgumentError, call
from ._library import library
from ._profiler import FlameGraph, collected


def compare_recordings(
    base: str | os.PathLike[str] | bytes,
    recording: str | os.PathLike[str] | bytes,
    *,
    title: str | None = None,
) -> FlameGraph:
    """A flame graph of one recording, coloured by how it differs from another.

    Frames are as wide as their share of `recording`. Red ones have a larger share there than in `base`, blue ones a
    smaller one, at full strength from 20 points of a hundred on; grey is within two standard errors. Stacks that
    only the base has are listed in words.

    Parameters
    ----------
    base, recording : path or bytes
        Recordings in the format "raw": files, or what `Profiler.content("raw")` gives.
    title : str, optional
        The head of the picture; by default the names of the files.

    Raises
    ------
    ArgumentError
        A recording is not in that format, or holds no samples; the message names the line.
    OSError
        A file cannot be read.
    """
    texts = [_content(one) for one in (base, recording)]
    for text, name in zip(texts, ("base", "recording")):
        if not text:
            raise ArgumentError(f"{name} is empty; it must be a recording in the format raw")
    if title is None:
        title = " / ".join(os.fspath(one) for one in (recording, base) if not isinstance(one, bytes))
    names = title.encode("utf-8", "replace")
    picture = collected(
        lambda write: call(
            library.pyn_profiler_compare, texts[0], len(texts[0]), texts[1], len(texts[1]), names, write, None
        )
    )
    return FlameGraph(picture.decode("utf-8", "replace"))


def _content(source: str | os.PathLike[str] | bytes) -> bytes:
    return source if isinstance(source, bytes) else Path(source).read_bytes()
