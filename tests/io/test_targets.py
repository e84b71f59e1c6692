"""Where files go: links followed, devices and FIFOs written through, permissions kept, all or nothing."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgamcd_opt.io.archive import write_archive
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.io.targets import find_target, make_folder, require_folder, require_writable, same_file

ROOT = os.getuid() == 0
NULL, FULL = os.makedev(1, 3), os.makedev(1, 7)
"""Device numbers of /dev/null and /dev/full on Linux."""


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def device(path: Path, number: int) -> Path:
    """A character device of our own; the real ones are never written to here."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, number)
        path.open("wb").close()
    except PermissionError:
        pytest.skip("DEVICES NOT TESTED: this user or file system may not make or open device nodes")
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_device_is_written_through(tmp_path: Path) -> None:
    path = device(tmp_path / "null", NULL)
    require_writable(path)
    write_archive(path, "thing", {}, {})
    write_bytes_atomically(path, b"x" * 100_000)
    assert stat.S_ISCHR(path.stat().st_mode)
    assert path.stat().st_rdev == NULL
    assert names(tmp_path) == ["null"]


def test_link_to_a_device_is_followed(tmp_path: Path) -> None:
    path, link = device(tmp_path / "null", NULL), tmp_path / "link"
    link.symlink_to("null")
    write_bytes_atomically(link, b"x")
    assert link.is_symlink()
    assert stat.S_ISCHR(path.stat().st_mode)


def test_full_device_is_one_clear_error(tmp_path: Path) -> None:
    path = device(tmp_path / "full", FULL)
    with pytest.raises(InputError, match=r"full: cannot be written \(No space left on device\)"):
        write_bytes_atomically(path, b"x")
    assert path.stat().st_rdev == FULL


@given(size=st.integers(0, 300_000))
def test_fifo_gets_every_byte(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    path = tmp_path_factory.mktemp("fifo") / "pipe"
    os.mkfifo(path)
    data, got = os.urandom(size), []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    write_bytes_atomically(path, data)
    reader.join()
    assert got == [data]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_reader_of_a_fifo_that_leaves_is_an_error_of_input(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: os.close(os.open(path, os.O_RDONLY)))
    reader.start()
    with pytest.raises(InputError, match="Broken pipe"):
        write_bytes_atomically(path, b"x" * 1_000_000)
    reader.join()


def test_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    file, link, again = tmp_path / "deep" / "file", tmp_path / "link", tmp_path / "again"
    file.write_bytes(b"old")
    link.symlink_to("deep/file")
    again.symlink_to(link)
    write_bytes_atomically(again, b"new")
    assert file.read_bytes() == b"new"
    assert (os.readlink(link), os.readlink(again)) == ("deep/file", str(link))
    assert names(tmp_path) == ["again", "deep", "link"]
    assert names(tmp_path / "deep") == ["file"]


def test_dangling_link_gets_its_target(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("absent")
    write_bytes_atomically(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "absent").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("leads_to", "told"),
    [("no/such", "there is no folder"), ("link", "Too many levels"), (".", "it is a folder")],
)
def test_link_that_leads_nowhere_is_refused(tmp_path: Path, leads_to: str, told: str) -> None:
    link = tmp_path / "link"
    link.symlink_to(leads_to)
    for write in (require_writable, lambda path: write_bytes_atomically(path, b"")):
        with pytest.raises(InputError, match=rf"link: cannot be written: .*{told}"):
            write(link)
    assert os.readlink(link) == leads_to
    assert names(tmp_path) == ["link"]


@given(mode=st.integers(0, 0o777))
def test_permissions_of_an_old_file_are_kept(tmp_path_factory: pytest.TempPathFactory, mode: int) -> None:
    path = tmp_path_factory.mktemp("modes") / "file"
    path.touch()
    path.chmod(mode)
    if os.access(path, os.W_OK):
        write_bytes_atomically(path, b"new")
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert path.stat().st_size == 3
    else:
        with pytest.raises(InputError, match="it is read-only"):
            write_bytes_atomically(path, b"new")


def test_new_file_obeys_the_umask(tmp_path: Path, narrow_umask: None) -> None:
    write_bytes_atomically(tmp_path / "new", b"")
    write_archive(tmp_path / "new.npz", "thing", {}, {})
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}


@pytest.mark.skipif(not ROOT, reason="OWNERS NOT TESTED: only root may give files away")
def test_owner_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch(mode=0o640)
    os.chown(path, 1234, 5678)
    write_bytes_atomically(path, b"new")
    kept = path.stat()
    assert (kept.st_uid, kept.st_gid, stat.S_IMODE(kept.st_mode)) == (1234, 5678, 0o640)


def test_other_name_of_a_hard_link_keeps_the_old_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"old")
    other.hardlink_to(one)
    write_bytes_atomically(one, b"new")
    assert (one.read_bytes(), other.read_bytes()) == (b"new", b"old")


def test_file_that_cannot_be_replaced_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a file that is mounted into a container."""
    path = tmp_path / "file"
    path.write_bytes(b"longer than new")
    number = path.stat().st_ino

    def busy(source: object, target: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(os, "replace", busy)
    write_bytes_atomically(path, b"new")
    assert (path.read_bytes(), path.stat().st_ino) == (b"new", number)
    assert names(tmp_path) == ["file"]


def test_what_cannot_be_replaced_for_another_reason_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def broken(source: object, target: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(InputError, match="Input/output error"):
        write_bytes_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_socket_and_folder_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(place))
        with pytest.raises(InputError, match="it is a socket"):
            require_writable(place)
    with pytest.raises(InputError, match="it is a folder"):
        require_writable(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        require_writable(tmp_path / "a" / "b")
    with pytest.raises(InputError, match="File name too long"):
        require_writable(tmp_path / ("x" * 256))


NOBODY = """
import os, sys
from pathlib import Path
from fgamcd_opt.io.errors import InputError
from fgamcd_opt.io.files import write_bytes_atomically
from fgamcd_opt.io.targets import require_folder, require_writable

if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
for check, path in (
    (require_writable, "read_only_folder/new"),
    (require_writable, "read_only"),
    (lambda path: write_bytes_atomically(path, b"new"), "read_only"),
    (require_folder, "read_only_folder"),
    (require_folder, "read_only_folder/a/b"),
):
    try:
        check(Path(path))
    except InputError as error:
        print(error)
"""


def test_what_is_read_only_is_refused_beforehand(tmp_path: Path) -> None:
    """In a process without the privileges of root."""
    (tmp_path / "read_only_folder").mkdir(mode=0o555)
    (tmp_path / "read_only").touch()
    (tmp_path / "read_only").chmod(0o444)
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.owner() == tmp_path.owner() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o111)
    ran = subprocess.run(
        [sys.executable, "-P", "-c", NOBODY], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    told = ran.stdout.splitlines()
    assert len(told) == 5, ran.stderr
    assert "read_only_folder/new: cannot be written: no file can be made in" in told[0]
    assert told[0].endswith("(Permission denied)")
    assert told[1] == told[2] == "read_only: cannot be written: it is read-only"
    assert "no file can be made in" in told[3]
    assert "no file can be made in" in told[4]
    assert names(tmp_path / "read_only_folder") == []


OWN_FILES = """
import os, sys
from pathlib import Path
from fgamcd_opt.io.files import write_bytes_atomically

print("before")
for path in sys.argv[1:]:
    write_bytes_atomically(Path(path), b"data\\n")
print("after")
"""


def test_open_files_of_this_process_are_written_where_they_stand(tmp_path: Path) -> None:
    """Standard output that the shell sent to a file: what was printed before and after is there, too."""
    link = tmp_path / "link"
    link.symlink_to("/dev/stdout")
    paths = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", str(link)]
    for path in paths:
        out = tmp_path / "out"
        with out.open("wb") as stream:
            subprocess.run([sys.executable, "-P", "-c", OWN_FILES, path], stdout=stream, check=True)
        assert out.read_text() == "before\ndata\nafter\n", path
        ran = subprocess.run([sys.executable, "-P", "-c", OWN_FILES, path], capture_output=True, check=True)
        assert ran.stdout == b"before\ndata\nafter\n", path
    assert os.readlink(link) == "/dev/stdout"


def test_files_that_are_not_open_for_writing_are_refused() -> None:
    reading, writing = os.pipe()
    with pytest.raises(InputError, match="it is open for reading"):
        find_target(Path(f"/dev/fd/{reading}"))
    write_bytes_atomically(Path(f"/dev/fd/{writing}"), b"through")
    assert os.read(reading, 100) == b"through"
    os.close(reading)
    os.close(writing)
    with pytest.raises(InputError, match="Bad file descriptor"):
        find_target(Path(f"/dev/fd/{writing}"))


def test_same_file_by_another_name(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(file)
    assert same_file(find_target(link), file)
    assert same_file(find_target(file), tmp_path / "." / "link")
    assert not same_file(find_target(file), tmp_path / "other")


def test_folders_are_made_or_refused(tmp_path: Path) -> None:
    require_folder(tmp_path / "a" / "b")
    assert names(tmp_path) == []
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "table.csv").mkdir()
    with pytest.raises(InputError, match=r"table\.csv: cannot be written: it is a folder"):
        require_folder(tmp_path / "a" / "b", ["other.csv", "table.csv"])
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("absent")
    for folder in (tmp_path / "file", tmp_path / "file" / "x", tmp_path / "dangling" / "x"):
        with pytest.raises(InputError, match="is no folder"):
            require_folder(folder)
        with pytest.raises(InputError, match="cannot be made"):
            make_folder(folder)
