"""How two recordings differ, from Python."""

import random
import xml.etree.ElementTree as ElementTree

import pynomaly
import pytest

BASE = b"main;one 700\nmain;two 300\n"
NEW = b"main;one 200\nmain;two 800\n"


def test_files_and_bytes(tmp_path):
    base, new = tmp_path / "base.txt", tmp_path / "new.txt"
    base.write_bytes(BASE)
    new.write_bytes(NEW)
    picture = pynomaly.compare_recordings(base, new)
    root = ElementTree.fromstring(str(picture))
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0] == f"{new} / {base}"
    assert "two: 800 samples, 80 %; base 30 %: +50 points" in titles
    assert picture._repr_html_().startswith("<iframe ")
    same = pynomaly.compare_recordings(BASE, str(new), title="<&>")
    assert ElementTree.fromstring(str(same)).find("{http://www.w3.org/2000/svg}title").text == "<&>"


def test_errors(tmp_path):
    with pytest.raises(pynomaly.ArgumentError, match="the base, line 2: there is no number of samples"):
        pynomaly.compare_recordings(b"main 3\nmain\n", NEW)
    with pytest.raises(pynomaly.ArgumentError, match="the recording, line 1: .* no whole number"):
        pynomaly.compare_recordings(BASE, b"main -3\n")
    with pytest.raises(pynomaly.ArgumentError, match="recording is empty"):
        pynomaly.compare_recordings(BASE, b"")
    with pytest.raises(pynomaly.ArgumentError, match="the base holds no samples"):
        pynomaly.compare_recordings(b"\n", NEW)
    with pytest.raises(FileNotFoundError):
        pynomaly.compare_recordings(tmp_path / "none", NEW)


def test_damaged_recordings():
    """Bytes changed, cut and doubled by chance: an error that names a line, or a picture that is XML."""
    chance = random.Random(7)
    pictures = 0
    for _ in range(1500):
        pair = []
        for text in (BASE, NEW):
            damaged = bytearray(text * chance.randrange(1, 4))
            for _ in range(chance.randrange(4)):
                place = chance.randrange(len(damaged))
                new = chance.choice([b"", b";", b" ", b"\n", b"\r\n", b"9" * 12, b"\x00", b"\xff", b"]]>", b"&<\x01"])
                damaged[place : place + chance.randrange(3)] = new
                if not damaged:
                    damaged = bytearray(b"\n")
            pair.append(bytes(damaged))
        try:
            picture = pynomaly.compare_recordings(*pair, title="t")
        except pynomaly.ArgumentError as error:
            assert "line" in str(error) or "holds no samples" in str(error)
        else:
            ElementTree.fromstring(str(picture))
            pictures += 1
    assert 300 < pictures < 1500
