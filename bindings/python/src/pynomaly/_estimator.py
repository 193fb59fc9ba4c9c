"""What makes a class a scikit-learn estimator: scikit-learn's own bases where it is installed, else
stand-ins with the part of their interface that does not need the rest of it."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from . import _errors

__all__ = ["HAS_SKLEARN", "BaseEstimator", "NotFittedError", "OutlierMixin"]

if TYPE_CHECKING:
    from typing_extensions import Self

    HAS_SKLEARN: bool

    class BaseEstimator:
        @classmethod
        def _get_param_names(cls) -> list[str]: ...
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def __sklearn_tags__(self) -> Any: ...

    class OutlierMixin: ...

    class NotFittedError(_errors.NotFittedError): ...

else:
    try:
        from sklearn.base import BaseEstimator, OutlierMixin
        from sklearn.exceptions import NotFittedError as _SklearnNotFittedError

        HAS_SKLEARN = True

        class NotFittedError(_errors.NotFittedError, _SklearnNotFittedError):
            """The estimator has not been fitted yet."""

    except ImportError:
        HAS_SKLEARN = False
        NotFittedError = _errors.NotFittedError

        class OutlierMixin:
            """scikit-learn's class of this name marks outlier detectors."""

            _estimator_type = "outlier_detector"

        class BaseEstimator:
            """The parameters of an estimator are those of its constructor."""

            @classmethod
            def _get_param_names(cls):
                names = inspect.signature(cls.__init__).parameters
                return sorted(name for name in names if name != "self")

            def get_params(self, deep=True):
                """The parameters by name."""
                return {name: getattr(self, name) for name in self._get_param_names()}

            def set_params(self, **params):
                """Set parameters by name."""
                names = self._get_param_names()
                for name, value in params.items():
                    if name not in names:
                        raise ValueError(
                            f"Invalid parameter {name!r} for estimator {self}. "
                            f"Valid parameters are: {names!r}."
                        )
                    setattr(self, name, value)
                return self

            def __repr__(self):
                parameters = inspect.signature(type(self).__init__).parameters
                changed = (
                    f"{name}={value!r}"
                    for name, value in self.get_params().items()
                    if repr(value) != repr(parameters[name].default)
                )
                return f"{type(self).__name__}({', '.join(changed)})"
