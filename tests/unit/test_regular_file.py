"""Only regular files are opened, whatever stands at a path."""

import os
import socket

import pytest

from active_cnn.regular_file import FOLDER, NO_FILE, open_regular


def test_a_file_is_read_as_bytes_and_as_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xc3\xa1\r\n")
    with open_regular(path) as file:
        assert file.read() == b"\xc3\xa1\r\n"
    with open_regular(str(path), "r", encoding="utf-8") as file:
        assert file.read() == "á\n"


def test_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "link").symlink_to("a")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"1"


@pytest.mark.parametrize("is_link", [False, True])
def test_a_pipe_nobody_writes_to_is_refused_at_once(tmp_path, is_link):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    if is_link:
        (tmp_path / "link").symlink_to(path)
        path = tmp_path / "link"
    with pytest.raises(OSError, match="not a file") as caught:
        open_regular(path)
    assert caught.value.strerror == NO_FILE


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its path may not be long
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(OSError, match="not a file") as caught:
            open_regular("s")
    assert caught.value.strerror == NO_FILE


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(IsADirectoryError) as caught:
        open_regular(tmp_path)
    assert caught.value.strerror == FOLDER


@pytest.mark.parametrize("name", ["absent", "a\0b", "\ud800"])
def test_what_does_not_or_cannot_exist_is_not_found(tmp_path, name):
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / name)


def test_refused_files_are_closed_again(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    before = os.open(tmp_path, os.O_RDONLY)
    os.close(before)
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="not a file"):
            open_regular(path)
    after = os.open(tmp_path, os.O_RDONLY)
    os.close(after)
    assert after == before
