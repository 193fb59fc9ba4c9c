"""The commands around plugins, and plugins in the other commands. plugin check has tests of its own."""

import json
import os
import stat
import subprocess

import pytest

import plugins

TABLE = "a,b\n" + "".join(f"{row % 7},{row % 5}\n" for row in range(200)) + "50,60\n"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin")
    folder.chmod(0o755)
    return plugins.build(folder / "libdistance.so", CHATTY=1)


@pytest.fixture
def run(cli):
    """The program of a user with a folder of plugins that is empty at first."""
    home = cli.folder / "data"

    def run(*arguments, env=None, **more):
        return cli(
            *arguments, env={"XDG_DATA_HOME": str(home), "PYNOMALY_PLUGIN_PATH": "", **(env or {})}, **more
        )

    run.folder = home / "pynomaly/plugins"
    run.cwd = cli.folder
    return run


def test_nothing_installed(run):
    result = run("plugin", "list")
    assert result.code == 0 and result.out.startswith("No plugin is installed.\n")
    assert f"  {run.folder}\n" in result.out and "/usr/local/lib/pynomaly/plugins" in result.out
    report = json.loads(run("plugin", "list", "--json").out)
    assert report["plugins"] == [] and str(run.folder) in report["folders"]


def test_install_list_info_remove(run, library):
    result = run("plugin", "install", library)
    assert result.code == 0, result.err
    assert "installed distance 1.2.3 (Distance)" in result.out
    manifest = run.folder / "distance.toml"
    copy = run.folder / "distance-1.2.3.so"
    assert manifest.exists() and copy.read_bytes() == library.read_bytes()
    for path in (run.folder, manifest, copy):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o022
    assert sorted(os.listdir(run.folder)) == ["distance-1.2.3.so", "distance.toml"]

    out = run("plugin", "list").out
    assert "distance  1.2.3    Distance   A detector for tests." in out
    report = json.loads(run("plugin", "list", "--json").out)["plugins"]
    assert [entry["plugin"]["detectors"] for entry in report] == [["Distance"]]
    assert report[0]["manifest"] == str(manifest) and report[0]["plugin"]["path"] == str(copy)

    words = run("plugin", "info", "distance").out
    assert "distance 1.2.3" in words and "as its manifest says" in words and "shrink" not in words
    words = run("plugin", "info", "distance", "--load").out
    assert "The tests" in words and "Apache-2.0" in words and "shrink = 0.001" in words
    one = json.loads(run("plugin", "info", library, "--json").out)
    assert one["loaded"] and one["plugin"]["author"] == "The tests" and one["manifest"] is None
    options = {option["name"] for option in one["detectors"][0]["options"]}
    assert {"shrink", "norm", "contamination", "missing_values"} <= options

    result = run("plugin", "remove", "distance")
    assert result.code == 0 and os.listdir(run.folder) == []
    result = run("plugin", "remove", "distance")
    assert result.code == 1 and "there is no plugin distance" in result.err


def test_install_replaces_an_older_version(run, library, cli):
    assert run("plugin", "install", library).code == 0
    newer = plugins.build(cli.folder / "newer.so", VERSION='"2.0.0"')
    result = run("plugin", "install", newer)
    assert "installed distance 2.0.0 in place of 1.2.3" in result.out
    assert sorted(os.listdir(run.folder)) == ["distance-2.0.0.so", "distance.toml"]
    assert run("plugin", "info", "distance", "--load").code == 0


def test_install_from_manifest_and_folder(run, library, cli):
    project = cli.folder / "project"
    (project / "lib").mkdir(parents=True)
    os.chmod(project, 0o755), os.chmod(project / "lib", 0o755)
    (project / "lib/d.so").write_bytes(library.read_bytes())
    (project / "distance.toml").write_text(
        'manifest_version = 1\nname = "distance"\nversion = "1.2.3"\nabi = 1\ndescription = "D."\n'
        'detectors = ["Distance"]\n[library]\nlinux-x86_64 = "lib/d.so"\nlinux-aarch64 = "lib/d.so"\n'
    )
    for source in ("project", "project/distance.toml"):
        result = run("plugin", "install", source)
        assert result.code == 0, result.err
        assert run("plugin", "remove", "distance").code == 0
    (project / "distance.toml").unlink()
    result = run("plugin", "install", "project")
    assert result.code == 1 and "neither a manifest" in result.err
    (project / "one.so").write_bytes(library.read_bytes())
    assert run("plugin", "install", "project").code == 0
    (project / "two.so").write_bytes(library.read_bytes())
    result = run("plugin", "install", "project")
    assert result.code == 1 and "one.so, two.so" in result.err


@pytest.mark.parametrize("defect, words", [
    ("CRASH_IN_INIT", "crashes with SIGSEGV"),
    ("WRONG_ABI", "plugin ABI 7"),
    ("THROWS", "threw a C++ exception"),
])
def test_what_does_not_load_is_not_installed(run, cli, defect, words):
    path = plugins.build(cli.folder / "broken.so", defect=defect, cpp=defect == "THROWS")
    result = run("plugin", "install", path)
    assert result.code == 1 and "is not installed" in result.err and words in result.err
    assert not run.folder.exists() or os.listdir(run.folder) == []


def test_install_says_what_it_cannot_do(run, library, cli):
    assert run("plugin", "install", "missing.so").code == 1
    (cli.folder / "notes.txt").write_text("hello")
    assert run("plugin", "install", "notes.txt").code == 2
    (cli.folder / "data").write_text("a file where a folder should be")
    result = run("plugin", "install", library)
    assert result.code == 1 and "data" in result.err and "Not a directory" in result.err


def test_a_broken_manifest_is_listed(run, library):
    assert run("plugin", "install", library).code == 0
    (run.folder / "bad.toml").write_text("name = \n")
    out = run("plugin", "list").out
    assert f"{run.folder}/bad.toml\n    cannot be used: " in out and "distance" in out
    report = json.loads(run("plugin", "list", "--json").out)["plugins"]
    assert [bool(entry["error"]) for entry in report] == [True, False]


def test_a_manifest_that_the_parser_stumbles_over(run):
    # Found by fuzzing: an assertion of toml++ ended the process.
    run.folder.mkdir(parents=True)
    (run.folder / "bad.toml").write_text("[,key]\n")
    result = run("plugin", "list")
    assert result.code == 0 and "cannot be used" in result.out and "not TOML" in result.out


def test_detectors(run, library):
    assert "\nDistance " not in run("detectors").out
    result = run("detectors", "--plugin", library)
    assert "(plugin distance)" in result.out
    assert result.err == "pynomaly: plugin distance: mind the gap\n" or "mind the gap" in result.err
    assert "hello" not in result.err
    assert run("detectors", "Distance").code == 2
    assert run("plugin", "install", library).code == 0
    assert "of the plugin distance, version 1.0.0" in run("detectors", "Distance").out
    listed = json.loads(run("detectors", "--installed", "--json").out)
    assert {entry["name"]: entry["plugin"] for entry in listed}["Distance"] == "distance"
    assert {entry["name"]: entry["plugin"] for entry in listed}["IsolationForest"] is None


def test_detect_fit_score(run, library, write):
    write("t.csv", TABLE)
    result = run("detect", "t.csv", "--detector", "Distance")
    assert result.code == 2 and "Distance" in result.err and str(run.folder) in result.err
    result = run("detect", "t.csv", "--detector", "Distance", "--plugin", library, "-o", "a.csv")
    assert result.code == 0 and "mind the gap" in result.err
    result = run("detect", "t.csv", "--detector", "Distance", "--plugin", library, "-q", "-o", "b.csv")
    assert result.code == 0 and result.err == ""
    result = run("fit", "t.csv", "--detector", "Distance", "--set", "norm=max", "--plugin", library,
                 "--save-model", "m")
    assert result.code == 0

    # The model says which plugin it needs; when that is installed, it is found.
    result = run("score", "t.csv", "--model", "m")
    assert result.code == 1 and '"distance"' in result.err and "1.2.3" in result.err
    assert "No plugin is installed in" in result.err
    by_path = run("score", "t.csv", "--model", "m", "--plugin", library, "-o", "by-path.csv")
    assert by_path.code == 0
    assert run("plugin", "install", library).code == 0
    assert run("score", "t.csv", "--model", "m", "-o", "found.csv").code == 0
    assert run("detect", "t.csv", "--model", "m", "-o", "again.csv").code == 0
    assert run("score", "t.csv", "--model", "m", "--plugin", "distance", "-o", "named.csv").code == 0
    text = (run.cwd / "by-path.csv").read_text()
    for name in ("found.csv", "again.csv", "named.csv"):
        assert (run.cwd / name).read_text() == text
    assert run("detect", "t.csv", "--detector", "Distance", "-o", "c.csv").code == 0
    assert (run.cwd / "c.csv").read_text() == (run.cwd / "a.csv").read_text()
    result = run("detect", "t.csv", "--detector", "Nope")
    assert result.code == 2 and "distance (Distance)" in result.err


def test_named_within_a_text(run, library, write):
    write("t.csv", TABLE)
    window = ["detect", "t.csv", "--detector", "SlidingWindow", "--set", "window=1", "-q"]
    result = run(*window, "--set", "detector=Distance")
    assert result.code == 2 and 'there is no detector "Distance"' in result.err
    assert "No plugin is installed in" in result.err
    assert run("plugin", "install", library).code == 0
    result = run(*window, "--set", "detector=Distance(norm=max)", "-o", "a.csv", "--save-model", "m")
    assert result.code == 0, result.err
    assert run("score", "t.csv", "--model", "m", "-o", "b.csv", "-q").code == 0
    assert (run.cwd / "a.csv").read_text() == (run.cwd / "b.csv").read_text()
    inner = "detectors=[MAD, Ensemble(detectors=[Distance, PCA])]"
    assert run("detect", "t.csv", "--detector", "Ensemble", "--set", inner, "-q").code == 0
    result = run(*window, "--set", "detector=Nope")
    assert result.code == 2 and "distance (Distance)" in result.err


def test_a_plugin_that_is_not_there(run, write):
    write("t.csv", TABLE)
    result = run("detect", "t.csv", "--plugin", "nope")
    assert result.code == 1 and "--plugin nope: " in result.err and "nope.toml" in result.err
    result = run("detect", "t.csv", "--plugin", "./nope.so")
    assert result.code == 1 and "No such file" in result.err


def test_not_from_the_current_folder(run, library, cli):
    (cli.folder / "distance.toml").write_text("")
    result = run("plugin", "info", "distance")
    assert result.code == 1 and "no plugin \"distance\" is installed" in result.err


def test_search_path(run, library, cli):
    assert run("plugin", "install", library).code == 0
    elsewhere = cli.folder / "elsewhere"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    os.rename(run.folder / "distance.toml", elsewhere / "distance.toml")
    os.rename(run.folder / "distance-1.2.3.so", elsewhere / "distance-1.2.3.so")
    assert run("detectors", "Distance").code == 2
    path = {"PYNOMALY_PLUGIN_PATH": str(elsewhere)}
    assert run("detectors", "Distance", env=path).code == 0
    result = run("plugin", "install", library, env=path)
    assert result.code == 0 and f"but {elsewhere}/distance.toml comes first and hides it" in result.out
    assert run("plugin", "remove", "distance", env=path).code == 0
    result = run("plugin", "remove", "distance", env=path)
    assert result.code == 1 and f"{elsewhere}/distance.toml" in result.err


@pytest.mark.parametrize("language", ["c", "cpp", "swift"])
def test_new(run, cli, language):
    result = run("plugin", "new", "my-detector", "--language", language)
    assert result.code == 0, result.err
    assert "plugin my-detector with the detector MyDetector" in result.out and "plugin check" in result.out
    project = cli.folder / "my-detector"
    files = [path for path in project.rglob("*") if path.is_file()]
    assert files
    texts = {path: path.read_text() for path in files}
    for path, text in texts.items():
        for word in ("@NAME@", "@DETECTOR@", "@IDENTIFIER@", "@VERSION@"):
            assert word not in text and word not in str(path), path
    assert any("MyDetector" in text for text in texts.values())
    result = run("plugin", "new", "my-detector", "--language", language)
    assert result.code == 1 and "exists already" in result.err and "--output" in result.err
    result = run("plugin", "new", "other", "--language", language, "--detector", "Thing_2", "--output", "here")
    assert result.code == 0 and (cli.folder / "here").is_dir()


@pytest.mark.parametrize("name", ["", "Upper", "2nd", "-x", "a_b", "a b", "../x", "x" * 65])
def test_new_refuses_malformed_names(run, cli, name):
    result = run("plugin", "new", "--language", "c", "--", name)
    assert result.code == 2 and "lower-case letters, digits and hyphens" in result.err
    assert run("plugin", "remove", "--", name).code == 2
    assert os.listdir(cli.folder) == []


def test_new_refuses_malformed_detectors(run):
    for detector in ("2nd", "a-b", "", "IsolationForest", "x" * 65):
        result = run("plugin", "new", "fine", "--language", "c", f"--detector={detector}")
        assert result.code == 2, detector
    assert run("plugin", "new", "fine", "--language", "fortran").code == 2


def test_the_new_c_plugin_builds_and_passes(run, cli):
    assert run("plugin", "new", "my-detector", "--language", "c").code == 0
    project = cli.folder / "my-detector"
    include = f"-I{plugins.INCLUDE}"
    made = subprocess.run(
        ["make", f"CFLAGS=-O2 -fPIC {include}"], cwd=project, capture_output=True, text=True,
        env={**os.environ, "CPATH": str(plugins.INCLUDE)},
    )
    assert made.returncode == 0, made.stderr
    [built] = project.rglob("*.so")
    result = run("plugin", "check", built)
    assert result.code == 0, result.out
