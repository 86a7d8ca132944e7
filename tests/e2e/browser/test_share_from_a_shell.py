"""A share opened from a shell, on the deployed stack: `curl -fLOJ -d '' URL` saves the file under its name."""

import subprocess

import pytest

CONTENT = bytes(range(256)) * 1000
PASSCODE = "50% & more=?"

# curl 7 and 8 read only the ASCII name of a response. It has no percent signs, because some programs decode them.
NAMES = {
    "Quarter 2026.pdf": "Quarter 2026.pdf",
    "100%, 50%25 & more; x=y.txt": "100_, 50_25 & more; x=y.txt",
    "Größe – 日本語.txt": "Gr__e _ ___.txt",
    'He said "yes".txt': "He said _yes_.txt",
}


def curl(directory, *arguments):
    command = ["curl", "-fLOJ", "--silent", "--show-error", "--noproxy", "*", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=directory)


@pytest.mark.parametrize("name", NAMES)
def test_one_line_saves_the_file_under_its_name(sharing, tmp_path, name):
    share = sharing.make(CONTENT, name)
    done = curl(tmp_path, "-d", "", share.url)
    assert done.returncode == 0, done.stderr
    [file] = tmp_path.iterdir()
    assert (file.name, file.read_bytes()) == (NAMES[name], CONTENT)
    assert share.downloads() == 1


def test_a_passcode_goes_into_the_form(sharing, tmp_path):
    share = sharing.make(CONTENT, "plan.txt", passcode=PASSCODE)
    for arguments in (["-d", ""], ["--data-urlencode", "passcode=50% & more"]):
        refused = curl(tmp_path, *arguments, share.url)
        assert refused.returncode == 22 and "403" in refused.stderr, refused
        assert list(tmp_path.iterdir()) == []
    done = curl(tmp_path, "--data-urlencode", f"passcode={PASSCODE}", share.url)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "plan.txt").read_bytes() == CONTENT


def test_without_a_press_there_is_no_file(sharing, tmp_path):
    """A GET, as a program that follows links sends it, gets the page."""
    share = sharing.make(CONTENT, "page.txt")
    done = curl(tmp_path, share.url)
    assert done.returncode == 0, done.stderr
    [page] = tmp_path.iterdir()
    assert b"<!DOCTYPE html>" in page.read_bytes() and page.name != "page.txt"
    assert share.downloads() == 0
