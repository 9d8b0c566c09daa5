"""What a command writes is there whole or not at all, and only where a file can be."""

import os
import resource
import stat

import pytest

from active_cnn.errors import StoreError
from active_cnn.whole_file import check_place, new_file, write_whole


def refused(path, why, **how):
    with pytest.raises(StoreError) as caught:
        check_place(path, **how)
    said = str(caught.value)
    assert said.startswith("Cannot write ")
    assert why in said
    assert "\n" not in said
    with pytest.raises(StoreError):
        write_whole(path, b"x")


@pytest.mark.parametrize("is_link", [False, True])
def test_a_pipe_is_refused_and_stays_a_pipe(tmp_path, is_link):
    path = pipe = tmp_path / "o.csv"
    os.mkfifo(pipe)
    if is_link:
        path = tmp_path / "link.csv"
        path.symlink_to(pipe)
    refused(path, "it is a pipe, a socket or a device, not a file. Give a file in a folder")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert len(list(tmp_path.iterdir())) == 1 + is_link


def test_what_is_open_is_refused_and_stays_as_it_is(tmp_path):
    # As the shell names it: /dev/stdout, /dev/fd/63.
    with (tmp_path / "open").open("wb") as file:
        refused(tmp_path.__class__(f"/proc/self/fd/{file.fileno()}"), "what a process has opened")
    assert (tmp_path / "open").read_bytes() == b""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("folder", "it is a folder. Give the path of a file"),
        ("missing/o.csv", "missing does not exist. Make it"),
        ("file/o.csv", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("x/" * 3000 + "o.csv", "File name too long"),
        ("loop", "levels of symbolic links"),
        ("loop/o.csv", "levels of symbolic links"),
        ("nul\0.csv", "no file can have such a name"),
        ("half\ud800.csv", "no file can have such a name"),
    ],
)
def test_a_place_where_no_file_can_be_is_refused(tmp_path, name, why):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    refused(tmp_path / name, why)


def test_a_folder_that_will_be_made_may_be_missing(tmp_path):
    assert check_place(tmp_path / "a" / "b" / "o.h5", makes_folder=True) == tmp_path / "a/b/o.h5"
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Not a directory"):
        check_place(tmp_path / "file" / "b" / "o.h5", makes_folder=True)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_link_goes_on_leading_to_the_file(tmp_path, is_there):
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.csv", tmp_path / "latest.csv"
    if is_there:
        real.write_bytes(b"older")
    link.symlink_to(real)
    write_whole(link, b"newer")
    assert link.is_symlink()
    assert real.read_bytes() == b"newer"
    assert [one.name for one in real.parent.iterdir()] == ["real.csv"]


def test_a_name_as_long_as_names_can_be_is_written(tmp_path):
    path = tmp_path / ("x" * 251 + ".csv")
    write_whole(path, b"1")
    assert path.read_bytes() == b"1"


def test_what_another_left_beside_it_is_not_written_to(tmp_path):
    os.mkfifo(tmp_path / "unfinished-o.csv")
    write_whole(tmp_path / "o.csv", b"1")
    assert (tmp_path / "o.csv").read_bytes() == b"1"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_failure_keeps_what_stood_there(tmp_path):
    path = tmp_path / "o.csv"
    path.write_bytes(b"older")

    def break_off():
        with new_file(path) as file:
            file.write(b"newer")
            raise KeyError("broken off")

    with pytest.raises(KeyError, match="broken off"):
        break_off()
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_blamed_on_the_file(tmp_path, full_disk):
    path = tmp_path / "o.csv"
    path.write_bytes(b"older")
    with full_disk(100), pytest.raises(StoreError, match=r"Cannot write .*o\.csv: File too large"):
        write_whole(path, b"x" * 1000)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_limits_of_this_process_are_as_before(full_disk):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with full_disk(100):
        pass
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == before
