"""The estimators of the library's detectors, for type checkers and readers.

Written by `make python-classes` from the options that the library lists; not by hand.
"""

from __future__ import annotations

__all__: list[str] = []
