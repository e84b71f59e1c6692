"""MATLAB files of format 7.3 (HDF5): arrays come back with MATLAB's axes, and damage is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from matlab_files import CRASHES, MATLAB_NAMES, as_matlab_stores, hdf5, pick, read_in_fork, write_dataset

from fgamcd_opt.instances.network.hdf5_child import describe, read
from fgamcd_opt.instances.network.matlab_file import read_matlab

RNG = np.random.default_rng(7)
COMPLEX = RNG.normal(size=(2, 3, 4)) + 1j * RNG.normal(size=(2, 3, 4))


@pytest.mark.parametrize("dtype", [*MATLAB_NAMES, ">f8", ">i4", "c8", "c16"])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"chunks": (4, 2, 2)},
        {"chunks": (4, 3, 2), "compression": "gzip"},
        {"chunks": (3, 2, 2), "compression": "gzip", "shuffle": True, "fletcher32": True},
    ],
)
def test_arrays_come_back(tmp_path: Path, dtype: str, how: dict[str, object]) -> None:
    array = (10 * COMPLEX if dtype[0] == "c" else np.abs(10 * COMPLEX.real)).astype(dtype)

    def write(file: h5py.File) -> None:
        write_dataset(file, "h", array, **how)
        write_dataset(file, "other", np.eye(2))

    content = hdf5(tmp_path / "h.mat", write)
    assert [(v.name, v.matlab_class, v.shape) for v in describe(content)] == [
        ("h", MATLAB_NAMES[array.real.dtype.str[1:]], (2, 3, 4)),
        ("other", "double", (2, 2)),
    ]
    found = read(content, "h")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_through_the_process_of_its_own(tmp_path: Path) -> None:
    content = hdf5(tmp_path / "h.mat", lambda file: write_dataset(file, "channel", COMPLEX))
    np.testing.assert_array_equal(read_matlab("h.mat", content, pick("channel")), COMPLEX)
    plain = hdf5(
        tmp_path / "p.mat", lambda file: file.create_dataset("channel", data=as_matlab_stores(COMPLEX))
    )
    np.testing.assert_array_equal(read_matlab("h.mat", plain, pick("channel")), COMPLEX)
    without_text = tmp_path / "w.mat"
    with h5py.File(without_text, "w") as file:
        write_dataset(file, "channel", COMPLEX)
    np.testing.assert_array_equal(read_matlab("h.mat", without_text.read_bytes(), pick("channel")), COMPLEX)


def cell(file: h5py.File) -> None:
    inside = file.create_group("#refs#").create_dataset("a", data=np.eye(2))
    made = file.create_dataset("channel", data=np.array([[inside.ref]], h5py.ref_dtype), dtype=h5py.ref_dtype)
    made.attrs["MATLAB_class"] = np.bytes_("cell")


def struct(file: h5py.File) -> None:
    file.create_group("channel").attrs["MATLAB_class"] = np.bytes_("struct")


def sparse(file: h5py.File) -> None:
    group = file.create_group("channel")
    group.attrs["MATLAB_class"], group.attrs["MATLAB_sparse"] = np.bytes_("double"), 3


def text(file: h5py.File) -> None:
    made = file.create_dataset("channel", data=np.array([[104, 105]], np.uint16))
    made.attrs["MATLAB_class"] = np.bytes_("char")


def empty(file: h5py.File) -> None:
    made = file.create_dataset("channel", data=np.array([0, 3], np.uint64))
    made.attrs["MATLAB_class"], made.attrs["MATLAB_empty"] = np.bytes_("double"), 1


def python_complex(file: h5py.File) -> None:
    file["channel"] = COMPLEX


def soft_link(file: h5py.File) -> None:
    file["channel"] = h5py.SoftLink("/nowhere")


def outside_link(file: h5py.File) -> None:
    file["channel"] = h5py.ExternalLink("other.h5", "/channel")


def no_number(file: h5py.File) -> None:
    file["channel"] = h5py.Empty("f8")


def half(file: h5py.File) -> None:
    file["channel"] = np.zeros((2, 3), np.float16)


@pytest.mark.parametrize(
    ("write", "what"),
    [
        (cell, "cell"),
        (struct, "struct"),
        (sparse, "sparse"),
        (text, "char"),
        (empty, "empty array"),
        (python_complex, "unknown type"),
        (soft_link, "link"),
        (outside_link, "link"),
        (no_number, "unknown type"),
        (half, "unknown type"),
    ],
)
def test_what_is_no_array_of_numbers_is_named(
    tmp_path: Path, write: Callable[[h5py.File], None], what: str
) -> None:
    content = hdf5(tmp_path / "h.mat", write)
    (variable,) = describe(content)
    assert (variable.name, variable.matlab_class, variable.is_numeric) == ("channel", what, False)
    with pytest.raises(ValueError, match=f"'channel' is of class {what}"):
        read(content, "channel")


def other_file(file: h5py.File) -> None:
    file.create_dataset("channel", (2, 3), "f8", external=[("/etc/hostname", 0, 48)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((2, 3), "f8")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (2, 3))
    file.create_virtual_dataset("channel", layout)


def never_written(file: h5py.File) -> None:
    file.create_dataset("channel", (2, 3), "f8")


def never_written_chunks(file: h5py.File) -> None:
    file.create_dataset("channel", (4, 3), "f8", chunks=(2, 3))[:2] = 1.0


def huge(file: h5py.File) -> None:
    file.create_dataset("channel", (2**20, 2**20), "f8")


def huge_chunks(file: h5py.File) -> None:
    file.create_dataset("channel", (2, 2), "f8", chunks=(2**14, 2**14), maxshape=(None, None))


def unknown_filter(file: h5py.File) -> None:
    file.create_dataset("channel", data=np.ones((2, 3)), compression="lzf", chunks=(2, 3))


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (other_file, "'channel' lies in another file"),
        (virtual, "'channel' lies in another file"),
        (never_written, "declares 48 bytes but 0 are stored"),
        (never_written_chunks, "declares 2 chunks; 1 are stored"),
        (huge, r"declares shape \(1048576, 1048576\); at most"),
        (huge_chunks, "declares chunks of 2147483648 bytes"),
        (unknown_filter, "is packed by an unknown filter"),
    ],
)
def test_what_is_not_all_in_the_file_is_refused(
    tmp_path: Path, write: Callable[[h5py.File], None], words: str
) -> None:
    content = hdf5(tmp_path / "h.mat", write)
    with pytest.raises(ValueError, match=words):
        read(content, "channel")


def small(path: Path) -> bytes:
    return hdf5(
        path,
        lambda file: write_dataset(file, "channel", COMPLEX, chunks=(4, 2, 2), compression="gzip"),
    )


def test_flipped_bits_of_a_compressed_file_never_give_other_numbers(tmp_path: Path) -> None:
    content = small(tmp_path / "h.mat")
    ends = set()
    for bit in range(8 * 512, 8 * len(content), 101):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        end = read_in_fork(bytes(damaged), COMPLEX)
        assert end in (0, 1, *CRASHES), (bit, end)
        ends.add(end)
    assert {0, 1} <= ends


def test_truncations_are_refused(tmp_path: Path) -> None:
    content = small(tmp_path / "h.mat")
    assert read_in_fork(content, COMPLEX) == 0
    assert {read_in_fork(content[:length], COMPLEX) for length in range(0, len(content), 53)} == {1}
    assert {read_in_fork(content[:-length], COMPLEX) for length in range(1, 9)} == {1}


def test_a_truncation_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="HDF5 cannot open it: cut off, or its first block is damaged"):
        read_matlab("h.mat", small(tmp_path / "h.mat")[:-1], pick("channel"))


def test_a_crash_of_the_library_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = hdf5(tmp_path / "h.mat", lambda file: write_dataset(file, "channel", COMPLEX))
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nkill -SEGV $$\n")
    script.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(script))
    with pytest.raises(ValueError, match="the HDF5 library crashed by SIGSEGV"):
        read_matlab("h.mat", content, pick("channel"))
