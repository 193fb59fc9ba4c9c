"""Detectors of plugins, which are there once the plugin has been loaded."""

from __future__ import annotations

import inspect
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import pynomaly
from pynomaly import Detector, _few_rows, detector_info, estimator_class

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[2]
MANIFEST = """\
manifest_version = 1
name = "{name}"
version = "1.2.3"
abi = 1
description = "Detectors that tests are made with."
detectors = ["Remoteness", "Likeness"]
[library]
linux-{machine} = "lib{name}.so"
"""


def compile_plugin(target, *options):
    compiler = os.environ.get("CC", "cc")
    if not (PROJECT / "include" / "pynomaly_plugin.h").is_file():
        pytest.skip("pynomaly_plugin.h is not beside these tests")
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} to compile a plugin with")
    include = ["-I", PROJECT / "include"]
    flags = ["-shared", "-fPIC", "-O1", "-D_POSIX_C_SOURCE=199309L", *include, *options]
    source = HERE / "plugins" / "remoteness.c"
    subprocess.run([compiler, *flags, "-o", target, source, "-lm"], check=True)
    return target


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The shared object of the plugin of the tests."""
    folder = tmp_path_factory.mktemp("plugin")
    return compile_plugin(folder / "libtests.so")


@pytest.fixture(scope="module")
def plugin(library):
    """The plugin of the tests, loaded: for all tests that come after."""
    for ask in (detector_info, estimator_class, Detector):
        with pytest.raises(pynomaly.UnknownDetectorError):
            ask("Remoteness")
    return pynomaly.load_plugin(library)


@pytest.fixture
def X(clusters):
    return clusters[0]


def examples():
    """The manifests of the project's example plugins, where `make plugins` has built them."""
    return sorted((PROJECT / ".build" / "plugins").glob("*/*.toml"))


def example(detector):
    for manifest in examples():
        if f'"{detector}"' in manifest.read_text():
            return manifest
    pytest.skip("the example plugins are not built: make plugins")


def install(folder, library, name="tests"):
    """What an installed plugin consists of."""
    folder.mkdir(parents=True)
    shutil.copy(library, folder / f"lib{name}.so")
    manifest = folder / f"{name}.toml"
    manifest.write_text(MANIFEST.format(name=name, machine=os.uname().machine))
    return manifest


def run(code, **environment):
    clean = {name: value for name, value in os.environ.items() if name != "PYNOMALY_PLUGIN_PATH"}
    # Nothing of whoever runs the tests: no plugins below the home folder.
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, "XDG_DATA_HOME": "/nowhere", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --------------------------------------------------------------------------------- loading


def test_a_loaded_plugin_is_told(plugin, library):
    assert plugin == pynomaly.PluginInfo(
        name="tests",
        version="1.2.3",
        description="Detectors that tests are made with.",
        author="The tests",
        licence=None,
        path=str(library.resolve()),
        abi_version=1,
        detectors=("Remoteness", "Likeness"),
    )
    assert plugin in pynomaly.plugins()
    assert pynomaly.load_plugin(str(library)) == plugin
    assert pynomaly.plugins().count(plugin) == 1
    assert {"Remoteness", "Likeness"} <= set(pynomaly.detector_names()) & set(dir(pynomaly))
    info = detector_info("Remoteness")
    assert (info.plugin, info.version) == ("tests", "1.0.0")
    assert (info.takes_sample_weight, info.partial_fits, info.explains) == (True, True, True)
    assert not info.needs_labels
    assert detector_info("Likeness").needs_labels
    assert detector_info("IsolationForest").plugin is None


def test_paths_and_names(library, tmp_path):
    manifest = install(tmp_path / "plugins", library)
    load = "import pynomaly, pathlib; print(*pynomaly.load_plugin({}).detectors)"
    for argument in (
        repr(str(manifest)),
        f"pathlib.Path({str(manifest.with_name('libtests.so'))!r})",
        "'tests'",
    ):
        said = run(load.format(argument), PYNOMALY_PLUGIN_PATH=str(manifest.parent))
        assert said == "Remoteness Likeness"
    code = f"import os; os.chdir({str(manifest.parent)!r})\n"
    for argument in ("'libtests.so'", "pathlib.Path('tests.toml')", "'./libtests.so'"):
        assert run(code + load.format(argument)) == "Remoteness Likeness"


def test_what_cannot_be_loaded(plugin, tmp_path):
    with pytest.raises(pynomaly.PluginError, match="nothing-of-that-name") as caught:
        pynomaly.load_plugin("nothing-of-that-name")
    assert caught.value.status == "PYN_ERROR_PLUGIN"
    assert isinstance(caught.value, RuntimeError)
    for missing in ("nothing.so", "./nothing", tmp_path / "nothing"):
        with pytest.raises(FileNotFoundError):
            pynomaly.load_plugin(missing)
    with pytest.raises(IsADirectoryError):
        pynomaly.load_plugin(tmp_path)
    text = tmp_path / "text.so"
    text.write_text("hello")
    with pytest.raises(pynomaly.PluginError, match=r"text\.so"):
        pynomaly.load_plugin(text)
    with pytest.raises(ValueError, match="null|NUL"):
        pynomaly.load_plugin("a\0b")
    other = compile_plugin(tmp_path / "other.so", '-DNAME="other"')
    with pytest.raises(pynomaly.PluginError, match="a detector called Remoteness already"):
        pynomaly.load_plugin(other)
    assert [info.name for info in pynomaly.plugins()].count("other") == 0


def test_search_path(library, tmp_path):
    install(tmp_path / "one", library)
    load = "import pynomaly; print(*(p.name for p in pynomaly.load_plugins()), pynomaly.Remoteness)"
    said = run(load, PYNOMALY_PLUGIN_PATH=f"/nowhere:{tmp_path / 'one'}")
    assert said == "tests <class 'pynomaly.Remoteness'>"
    assert run("import pynomaly; print(pynomaly.load_plugins(), pynomaly.plugins())") == "[] []"


def test_one_that_fails_does_not_keep_the_others_away(library, tmp_path):
    install(tmp_path / "a", library, name="broken")  # the plugin calls itself tests
    install(tmp_path / "b", library)
    said = run(
        "import pynomaly\n"
        "try: pynomaly.load_plugins()\n"
        "except pynomaly.PluginError as error: print(error)\n"
        "print(pynomaly.plugins()[0].name, pynomaly.Likeness.detector_name)",
        PYNOMALY_PLUGIN_PATH=f"{tmp_path / 'a'}:{tmp_path / 'b'}",
    )
    assert said.startswith("1 of 2 plugins could not be loaded:\n  ")
    assert str(tmp_path / "a" / "broken.toml") in said
    assert said.endswith("tests Likeness")


# ----------------------------------------------------------------------------- entry points


def wheel(folder, name, entry, files):
    """A wheel with those files and an entry point, made by hand."""
    info = f"{name}-1.0.dist-info"
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[pynomaly.plugins]\n{entry}\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, content)
    return path


def installed(folder, wheel, by_pip=False):
    """The environment in which a wheel is installed."""
    if by_pip:
        pytest.importorskip("pip")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
        options = ["--disable-pip-version-check", "--no-compile", "--target", folder]
        subprocess.run([*command, *options, wheel], check=True)
    else:
        zipfile.ZipFile(wheel).extractall(folder)  # all that pip does, for our purposes
    before = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    return {"PYTHONPATH": os.pathsep.join([str(folder), *before])}


LOAD = """
import sys, pynomaly
try:
    print(*(plugin.name for plugin in pynomaly.load_plugins()))
except pynomaly.PluginError as error:
    print(error)
else:
    from pynomaly import Remoteness
    Remoteness().fit([[0.0], [1.0]])
    assert pynomaly.load_plugins() == pynomaly.plugins(), "again, and nothing has changed"
    assert "a_package" not in sys.modules, "a package is found without running it"
"""


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("tests = a_package", "raise SystemExit('not to be run')"),
        (
            "tests = a_module.place:library",
            "def library(): return __file__.replace('a_module/place.py', 'a_package/libtests.so')",
        ),
        (
            "tests = a_module.place:MANIFEST",
            "MANIFEST = __file__.replace('a_module/place.py', 'a_package/tests.toml')",
        ),
    ],
    ids=["package", "function", "path"],
)
def test_a_wheel_brings_a_plugin(library, tmp_path, entry, code):
    manifest = install(tmp_path / "a_package", library)
    files = {
        "a_package/__init__.py": code if entry.endswith("a_package") else "",
        "a_package/libtests.so": library.read_bytes(),
        "a_package/tests.toml": manifest.read_text(),
        "a_module/__init__.py": "",
        "a_module/place.py": code,
    }
    made = wheel(tmp_path, "carrier", entry, files)
    environment = installed(tmp_path / "site", made, by_pip=entry.endswith("a_package"))
    assert run(LOAD, **environment) == "tests"
    # The search path comes first, and the entry point is then left alone.
    install(tmp_path / "plugins", library)
    path = run(
        LOAD + "    print(pynomaly.plugins()[0].path)",
        **environment,
        PYNOMALY_PLUGIN_PATH=str(tmp_path / "plugins"),
    )
    assert path == f"tests\n{tmp_path / 'plugins' / 'libtests.so'}"


def test_bad_entry_points(tmp_path):
    entries = {
        "absent = not_there": "is not a package",
        "below = not_there.below": "ModuleNotFoundError",
        "module = a_module": "is not a package; name one, or a function (module:function)",
        "bare = a_package": "there is no bare.toml in",
        "fails = a_module:fail": "LookupError('mine')",
        "nothing = a_module:nothing": "AttributeError",
        "number = a_module:number": "TypeError",
        "lost = a_module:lost": "FileNotFoundError",
    }
    code = (
        "def fail(): raise LookupError('mine')\nnumber = 3\ndef lost(): return '/nowhere/libx.so'\n"
    )
    made = wheel(
        tmp_path, "bad", "\n".join(entries), {"a_module.py": code, "a_package/__init__.py": ""}
    )
    said = run(LOAD, **installed(tmp_path / "site", made))
    assert said.startswith(f"{len(entries)} of {len(entries)} plugins could not be loaded:\n")
    lines = said.splitlines()[1:]
    for line, (entry, message) in zip(lines, sorted(entries.items())):
        assert line.startswith(f"  entry point {entry}: ")
        assert message in line


# ---------------------------------------------------------------------------------- classes


def test_the_class(plugin):
    made = pynomaly.Remoteness
    assert made is estimator_class("Remoteness")
    assert (made.__module__, made.__qualname__) == ("pynomaly", "Remoteness")
    defaults = {name: p.default for name, p in inspect.signature(made).parameters.items()}
    assert defaults == {
        "power": 1.0,
        "lambda_": 3,
        "option_fit": True,
        "random_state": None,
        "contamination": "auto",
        "n_jobs": None,
        "verbose": 0,
    }
    documented = inspect.getdoc(made)
    assert documented.startswith("Rows far from the mean are anomalous.\n\nParameters\n")
    assert "\npower : float, default=1.0\n    What distances are raised to.\n" in documented
    assert '\n    Does "nothing" \\ at all.\n    Allowed: int in [0, 9].\n' in documented
    assert hasattr(made, "partial_fit")
    assert not hasattr(pynomaly.Likeness, "partial_fit")
    assert "sample_weight" not in inspect.signature(pynomaly.Likeness.fit).parameters


def test_it_is_a_member_as_a_built_in_one_is(plugin, library, X, tmp_path):
    members = [pynomaly.Remoteness(power=2.0), pynomaly.KNN()]
    ensemble = pynomaly.Ensemble(detectors=members).fit(X)
    assert ensemble.detector_.options["detectors"] == "[Remoteness(power=2.0), KNN]"
    np.testing.assert_allclose(ensemble.explain(X).sum(axis=1), -ensemble.score_samples(X))
    alone = pynomaly.Ensemble(detectors="Remoteness").fit(X, sample_weight=np.linspace(0, 1, len(X)))
    assert hasattr(alone, "partial_fit")
    assert not hasattr(ensemble, "partial_fit")
    first = pynomaly.Ensemble(detectors="Remoteness").partial_fit(X[:300]).partial_fit(X[300:])
    whole = pynomaly.Remoteness().fit(X).score_samples(X)
    assert np.corrcoef(first.score_samples(X), whole)[0, 1] > 0.999999
    window = pynomaly.SlidingWindow(detector=pynomaly.Remoteness(), window=3).fit(X)
    assert np.isfinite(window.score_samples(X)).all()
    for model in (ensemble, window):
        path = tmp_path / "model"
        model.save(path)
        assert np.array_equal(pynomaly.load(path).score_samples(X), model.score_samples(X))
        code = f"import pynomaly\ntry: pynomaly.load({str(path)!r})\nexcept pynomaly.Error as e: print(e.status, e)"
        said = run(code)
        assert said.startswith("PYN_ERROR_MODEL_VERSION")
        assert 'the detector "Remoteness" of the plugin "tests" 1.2.3, which is not loaded' in said
        load = f"import pynomaly; pynomaly.load_plugin({str(library)!r}); print(pynomaly.load({str(path)!r}))"
        assert "Remoteness" in run(load)


def test_it_works_as_a_built_in_one(plugin, X):
    far = np.abs(X - X.mean(axis=0))
    estimator = pynomaly.Remoteness(power=2.0, contamination=0.1, lambda_=5).fit(X)
    np.testing.assert_allclose(-estimator.score_samples(X), (far**2).sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(estimator.explain(X), far**2, rtol=1e-9)
    assert (estimator.predict(X) == -1).sum() == 60
    assert estimator.n_rows_ == 600
    assert type(estimator.n_rows_) is int
    assert type(estimator.weight_) is float
    options = estimator.detector_.options
    assert (options["lambda_"], options["fit"], options["power"]) == (5, True, 2.0)
    assert np.array_equal(
        Detector("Remoteness", power=2.0).fit(X).score(X), -estimator.score_samples(X)
    )
    with pytest.raises(pynomaly.OptionError, match=r"power.*4"):
        pynomaly.Remoteness(power=9.0).fit(X)
    with pytest.raises(pynomaly.InvalidDataError, match="at most 1024 columns, please") as caught:
        estimator.fit(np.zeros((2, 1025)))
    assert caught.value.column == 1024
    with pytest.raises(pynomaly.InvalidDataError) as caught:
        estimator.fit([[1.0]])
    first, second = str(caught.value).splitlines()
    assert first == "Found array with 1 sample(s) (shape=(1, 1)).", "as scikit-learn has it"
    assert second == "Remoteness: a single number tells nothing"
    with pytest.raises(pynomaly.NotSupportedError, match="explain"):
        pynomaly.Likeness().fit(X, np.ones(600)).explain(X)


def test_weights(plugin, X):
    weights = np.repeat([2.0, 0.0], 300)
    some = pynomaly.Remoteness().fit(X, sample_weight=weights)
    assert some.weight_ == 600
    half = pynomaly.Remoteness().fit(X[:300])
    np.testing.assert_allclose(some.score_samples(X), half.score_samples(X), rtol=1e-9)
    assert np.array_equal(
        pynomaly.Remoteness().fit_predict(X, sample_weight=weights), some.predict(X)
    )


def test_learning_in_parts(plugin, X):
    whole = pynomaly.Remoteness().fit(X)
    parts = pynomaly.Remoteness()
    earlier = parts.partial_fit(X[:200]).detector_
    scores = earlier.score(X)
    assert parts.partial_fit(X[200:], sample_weight=np.ones(400)) is parts
    np.testing.assert_allclose(parts.score_samples(X), whole.score_samples(X), rtol=1e-9)
    assert parts.n_rows_ == 600
    assert np.array_equal(earlier.score(X), scores), "an earlier detector stays as it was"
    with pytest.raises(ValueError, match="X has 5 features, but Remoteness is expecting 6"):
        parts.partial_fit(X[:, :5])
    with pytest.raises(ValueError, match="0 sample"):
        parts.partial_fit(X[:0])
    assert parts.n_rows_ == 600
    assert parts.fit(X).n_rows_ == 600, "fit begins anew"
    detector = Detector("Remoteness").partial_fit(X[:200]).partial_fit(X[200:])
    np.testing.assert_allclose(detector.score(X), -whole.score_samples(X), rtol=1e-9)
    with pytest.raises(pynomaly.NotSupportedError):
        Detector("IsolationForest").partial_fit(X)


def test_names_of_columns_stay_when_learning_in_parts(plugin, X):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    parts = pynomaly.Remoteness().partial_fit(frame[:300]).partial_fit(frame[300:])
    assert parts.feature_names_in_.tolist() == list("abcdef")
    with pytest.raises(ValueError, match="same order"):
        parts.partial_fit(frame[list("fedcba")])


def test_labels(plugin, clusters):
    X, y = clusters
    signs = np.where(y == 1, -1, 1)
    estimator = pynomaly.Likeness().fit(X, signs)
    far = np.abs(X - X[y == 0].mean(axis=0)).sum(axis=1)
    np.testing.assert_allclose(-estimator.score_samples(X), far, rtol=1e-9)
    assert np.array_equal(
        Detector("Likeness").fit(X, labels=y).score(X), -estimator.score_samples(X)
    )
    assert np.array_equal(pynomaly.Likeness().fit_predict(X, signs), estimator.predict(X))
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        estimator.fit(X)
    with pytest.raises(ValueError, match="-1 for outliers and 1 for inliers"):
        estimator.fit(X, y)
    with pytest.raises(pynomaly.ShapeMismatchError, match="labels"):
        estimator.fit(X, signs[:3])
    with pytest.raises(pynomaly.ArgumentError, match="needs labels"):
        Detector("Likeness").fit(X)
    with pytest.raises(pynomaly.InvalidDataError, match="that of row 1 is"):
        Detector("Likeness").fit(X[:2], labels=[0, 2])
    assert pynomaly.Remoteness().fit(X, y).n_rows_ == 600, "others do not look at them"


def test_files_and_pickles(plugin, library, X, tmp_path):
    estimator = pynomaly.Remoteness(power=2.0).fit(X)
    estimator.save(tmp_path / "model")
    (tmp_path / "pickle").write_bytes(pickle.dumps([estimator, pynomaly.Remoteness(lambda_=4)]))
    loaded = pynomaly.load(tmp_path / "model")
    assert type(loaded) is pynomaly.Remoteness
    assert loaded.option_fit is True
    assert np.array_equal(loaded.score_samples(X), estimator.score_samples(X))
    np.save(tmp_path / "X.npy", X)
    code = """
import pickle, sys, numpy as np, pynomaly
folder, library = {arguments!r}
for how in (lambda: pickle.load(open(folder + "/pickle", "rb")), lambda: pynomaly.load(folder + "/model")):
    try:
        how()
    except (AttributeError, pynomaly.ModelFormatError) as error:
        assert "Remoteness" in str(error), error
    else:
        raise AssertionError("without the plugin")
pynomaly.load_plugin(library)
fitted, fresh = pickle.load(open(folder + "/pickle", "rb"))
X = np.load(folder + "/X.npy")
assert type(fitted) is pynomaly.Remoteness and fresh.lambda_ == 4
assert (fitted.score_samples(X) == pynomaly.load(folder + "/model").score_samples(X)).all()
print(fitted.score_samples(X[:1])[0])
"""
    said = run(code.format(arguments=[str(tmp_path), str(library)]))
    assert float(said) == estimator.score_samples(X)[0]


@pytest.mark.parametrize("name", ["Remoteness", "INNE", "MahalanobisKernel"])
def test_check_estimator(library, name):
    """In a process of its own: in this one scikit-learn's checks are those of built-in detectors."""
    pytest.importorskip("sklearn")
    run(
        "import pynomaly\n"
        "from sklearn.utils.estimator_checks import check_estimator\n"
        f"pynomaly.load_plugin({str(library if name == 'Remoteness' else example(name))!r})\n"
        "known = {'check_sample_weight_equivalence_on_dense_data': 'offset_ does not look at weights'}\n"
        f"checked = check_estimator(pynomaly.{name}(), expected_failed_checks=known)\n"
        "assert len(checked) > 40 and all(check['status'] != 'failed' for check in checked)"
    )


def test_tags(plugin):
    pytest.importorskip("sklearn")
    from sklearn.exceptions import NotFittedError
    from sklearn.utils import get_tags
    from sklearn.utils.validation import check_is_fitted

    assert get_tags(pynomaly.Likeness()).target_tags.required
    assert not get_tags(pynomaly.Remoteness()).target_tags.required
    with pytest.raises(NotFittedError):  # though lambda_ looks like what fitting found
        check_is_fitted(pynomaly.Remoteness())
    check_is_fitted(pynomaly.Remoteness().fit([[1.0], [2.0]]))


# --------------------------------------------------------------------------------- few rows


def test_few_rows_of_plugins_too(plugin, X):
    estimator = pynomaly.Remoteness().fit(X)
    expected = estimator.score_samples(X)
    assert np.array_equal(estimator.score_samples(X[:3]), expected[:3])
    model = estimator.detector_._model
    assert model.few > 0
    assert np.array_equal(_few_rows.score_few(model, X[:1]), -expected[:1])


def test_waiting_for_a_plugin_gives_the_interpreter_lock_up(library):
    """A plugin that lets one thread at a time score: while one thread scores many rows, long enough to
    tell its progress, another wants few rows scored by the same model."""
    said = run(
        "import threading, time, numpy as np, pynomaly; from pynomaly import _few_rows\n"
        "_few_rows.LONGEST = 1\n"
        f"pynomaly.load_plugin({str(library)!r})\n"
        "X = np.random.default_rng(0).normal(size=(3000, 3))\n"
        "slow = pynomaly.Detector('Likeness', delay=50).fit(X, labels=np.zeros(3000))\n"
        "expected = slow.score(X[:1]); assert slow._model.few > 0\n"
        "told = []\n"
        "long = threading.Thread(target=slow.score, args=(X,), kwargs={'progress': lambda *a: told.append(a)})\n"
        "long.start(); time.sleep(0.03)\n"
        "assert long.is_alive() and slow.score(X[:1]) == expected\n"
        "long.join(); assert len(told) > 2\n"
        "print('done')"
    )
    assert said == "done"


def test_rows_that_take_long_go_the_long_way(plugin, X):
    slow = Detector("Likeness", delay=2000).fit(X, labels=np.zeros(600))
    slow.score(X[:2])
    assert slow._model.few == 0


# ---------------------------------------------------------------- the plugins of the project


@pytest.mark.parametrize("manifest", examples() or [None], ids=lambda path: path and path.stem)
def test_example_plugins(manifest, clusters, tmp_path):
    if manifest is None:
        pytest.skip("the example plugins are not built: make plugins")
    X, y = clusters
    plugin = pynomaly.load_plugin(manifest)
    assert plugin.name == manifest.stem
    assert plugin.detectors
    for name in plugin.detectors:
        made = getattr(pynomaly, name)
        estimator = made(random_state=0) if "random_state" in made().get_params() else made()
        rows = X[:, :1] if name == "SHESD" else X
        scores = estimator.fit(rows, np.where(y == 1, -1, 1)).score_samples(rows)
        detector = Detector.from_bytes(estimator.to_bytes())
        assert np.array_equal(detector.score(rows), -scores)
        assert np.array_equal(
            pickle.loads(pickle.dumps(estimator)).score_samples(rows[:3]), scores[:3]
        )
        if name != "SHESD":  # which looks for what is odd in time
            assert pynomaly.roc_auc(-scores, y) > 0.8
