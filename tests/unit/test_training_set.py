"""The training set: what a CSV file may look like, and what is said when it does not."""

from pathlib import Path

import numpy as np
import pytest

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.spectra.preprocessing import rescale
from active_cnn.spectra.training_set import read_training_csv

GRID = Grid()
CLASSES = {
    "absorption": "not-interesting",
    "emission": "emission",
    "double-peak": "double-peak",
}
ARCHIVE = "id,label,object,ra,dec,expval,gratang,detector,chipid,specfilt,date-obs,dichmir"
WAVELENGTHS = [f"{wavelength:.4f}" for wavelength in GRID.wavelength]


def flux_of(n: int) -> np.ndarray:
    return np.random.default_rng(5).normal(1, 0.1, (n, GRID.n))


def write(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    lines = [",".join(map(str, line)) for line in [header, *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def simple_rows(n: int = 4) -> list[list[object]]:
    return [[f"a{i}.fits", "emission", *flux] for i, flux in enumerate(flux_of(n))]


def write_simple(path: Path, rows: list[list[object]]) -> Path:
    return write(path, ["id", "label", *WAVELENGTHS], rows)


def test_the_original_training_set_is_read(tmp_path: Path) -> None:
    flux = flux_of(3)
    labels = ["absorption", "double-peak", "emission"]
    rows = [
        [f"{label}.fits", label, '"4 Her, Be"', 12.5, "", *[""] * 7, *values]
        for label, values in zip(labels, flux, strict=True)
    ]
    path = write(tmp_path / "training.csv", [*ARCHIVE.split(","), *WAVELENGTHS], rows)
    training = read_training_csv(path, GRID, CLASSES)
    assert training.identifiers == ("absorption.fits", "double-peak.fits", "emission.fits")
    assert training.labels == tuple(labels)
    np.testing.assert_array_equal(training.windows, rescale(flux))
    assert training.windows.dtype == np.float32
    assert not training.windows.flags.writeable


@pytest.mark.parametrize(
    "names",
    [
        [f"flux_{i}" for i in range(GRID.n)],
        [str(i) for i in range(GRID.n)],
        [str(i + 1) for i in range(GRID.n)],
        [f"{wavelength + 0.009:.4f}" for wavelength in GRID.wavelength],
    ],
)
def test_flux_columns_may_have_any_names_but_other_wavelengths(
    tmp_path: Path, names: list[str]
) -> None:
    path = write(tmp_path / "training.csv", ["id", "label", *names], simple_rows())
    assert read_training_csv(path, GRID, CLASSES).windows.shape == (4, GRID.n)


def test_the_grid_is_the_callers(tmp_path: Path) -> None:
    grid = Grid.of(6540, 6600, 40)
    rows = [["a", "emission", *np.arange(40)]]
    path = write(tmp_path / "training.csv", ["id", "label", *grid.wavelength], rows)
    assert read_training_csv(path, grid, CLASSES).windows.shape == (1, 40)


def test_a_byte_order_mark_and_empty_lines_do_not_matter(tmp_path: Path) -> None:
    path = write_simple(tmp_path / "training.csv", simple_rows())
    path.write_text("\ufeff" + path.read_text().replace("\n", "\r\n\r\n"), encoding="utf-8")
    assert len(read_training_csv(path, GRID, CLASSES).labels) == 4


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, "", "the column 'id' is empty"),
        (0, "a0.fits", r"line 4 \('a0\.fits'\): the identifier stands in line 2 already"),
        (1, "Emission", "the label 'Emission' trains no class of the campaign. Use one of absorpt"),
        (1, "", "the label '' trains no class"),
        (6, "1.0e", "flux 5 is '1.0e', not a number"),
        (2, "", "flux 1 is '', not a number"),
        (141, "nan", r"is not finite"),
        (141, "-inf", r"is not finite"),
    ],
)
def test_a_bad_value_is_refused_with_line_identifier_and_value(
    tmp_path: Path, column: int, value: str, message: str
) -> None:
    rows = simple_rows()
    rows[2][column] = value
    path = write_simple(tmp_path / "training.csv", rows)
    with pytest.raises(SpectrumError, match=message) as caught:
        read_training_csv(path, GRID, CLASSES)
    assert f"{path}, line 4 ('{rows[2][0]}'): " in str(caught.value)


@pytest.mark.parametrize(("value", "reason"), [(0, "is zero everywhere"), (3.5, "is flat")])
def test_a_row_without_a_shape_is_refused(tmp_path: Path, value: float, reason: str) -> None:
    rows = simple_rows()
    rows[1][2:] = [value] * GRID.n
    with pytest.raises(SpectrumError, match=rf"line 3 \('a1\.fits'\): the spectrum {reason}"):
        read_training_csv(write_simple(tmp_path / "training.csv", rows), GRID, CLASSES)


@pytest.mark.parametrize(("n", "found"), [(139, 139), (141, 141), (0, 0)])
def test_a_row_with_another_number_of_fluxes_is_refused(tmp_path: Path, n: int, found: int) -> None:
    rows = simple_rows()
    rows[3][2:] = [1.5] * n
    with pytest.raises(SpectrumError, match=f"line 5 .*: {found} fluxes instead of 140"):
        read_training_csv(write_simple(tmp_path / "training.csv", rows), GRID, CLASSES)


def test_another_number_of_flux_columns_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "training.csv", ["id", "label", *WAVELENGTHS[1:]], [])
    with pytest.raises(SpectrumError, match=r"139 columns of flux, the grid .* needs 140"):
        read_training_csv(path, GRID, CLASSES)


def test_flux_on_other_wavelengths_is_refused(tmp_path: Path) -> None:
    # These are the grid's wavelengths in air: a real confusion.
    names = [f"{wavelength - 1.81:.4f}" for wavelength in GRID.wavelength]
    path = write(tmp_path / "training.csv", ["id", "label", *names], simple_rows())
    with pytest.raises(SpectrumError, match=r"column 1 is for 6517\.1900 Å, .* 6519\.0000 Å"):
        read_training_csv(path, GRID, CLASSES)


@pytest.mark.parametrize("missing", ["id", "label"])
def test_a_missing_column_is_refused_by_name(tmp_path: Path, missing: str) -> None:
    header = ["id", "label", *WAVELENGTHS]
    header.remove(missing)
    path = write(tmp_path / "training.csv", header, simple_rows())
    with pytest.raises(SpectrumError, match=f"column '{missing}' stands in the header 0 times"):
        read_training_csv(path, GRID, CLASSES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"SIMPLE  =                    T", "column 'id' stands in the header 0 times"),
        (b"id,label\xff\n", "is not a CSV file in UTF-8"),
        (b'id,label,"never closed\n', "is not a CSV file in UTF-8"),
        (",".join(["id", "label", *WAVELENGTHS]).encode(), "has a header but no spectra"),
    ],
)
def test_what_is_not_a_training_set_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "training.csv").write_bytes(content)
    with pytest.raises(SpectrumError, match=message):
        read_training_csv(tmp_path / "training.csv", GRID, CLASSES)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SpectrumError, match=r"none\.csv cannot be read: No such file"):
        read_training_csv(tmp_path / "none.csv", GRID, CLASSES)
