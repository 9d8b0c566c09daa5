"""Every file of the corpus is read as its table says, alone and in a survey, or refused."""

import re

import numpy as np
import pytest

from active_cnn.errors import SpectrumError
from active_cnn.grid import Grid
from active_cnn.records import Medium
from active_cnn.spectra.batches import Files, read_batch
from active_cnn.spectra.preprocessing import prepare
from active_cnn.spectra.readers import read
from active_cnn.spectra.wavelength import air_to_vacuum
from tests.corpus.spectra import CASES, HALPHA, file_name, write

READ = {name: case for name, case in CASES.items() if not case.refusal}
REFUSED = {name: case for name, case in CASES.items() if case.refusal}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for name, case in CASES.items():
        write(folder / file_name(name), case.hdus())
    return folder


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read_as_its_table_says(name, folder):
    case, spectrum = CASES[name], read(folder / file_name(name))
    np.testing.assert_allclose(spectrum.wavelength, np.sort(case.axis), rtol=0, atol=0.05)
    assert spectrum.medium is case.medium
    assert (spectrum.ra, spectrum.dec) == pytest.approx(case.place, abs=0.002, nan_ok=True)
    assert spectrum.designation == case.name
    assert spectrum.identifier == file_name(name)
    middle = None if spectrum.ivar is None else spectrum.ivar[len(spectrum.ivar) // 2]
    assert middle == (None if case.ivar is None else pytest.approx(case.ivar, rel=1e-5))
    if case.ivar is not None and case.n_bad is None:
        assert (spectrum.ivar == 0).sum() == case.n_weightless
    assert (None if spectrum.mask is None else spectrum.mask.sum()) == case.n_bad
    is_air = spectrum.medium is Medium.AIR
    wavelength = air_to_vacuum(spectrum.wavelength) if is_air else spectrum.wavelength
    assert wavelength[spectrum.flux.argmin()] == pytest.approx(HALPHA, abs=0.8)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_with_the_reason_that_its_table_says(name, folder):
    with pytest.raises(SpectrumError, match=re.escape(CASES[name].refusal)) as refusal:
        read(folder / file_name(name))
    assert "\n" not in str(refusal.value)


def test_a_survey_of_the_corpus_holds_what_each_file_is_alone(folder):
    paths = tuple(sorted(str(path) for path in folder.iterdir()))
    batch = read_batch(Files(paths, Grid(), str(folder)))
    assert sorted(row[1] for row in batch.rows) == sorted(map(file_name, READ))
    assert sorted(row[1] for row in batch.refused) == sorted(map(file_name, REFUSED))
    for row, window in zip(batch.rows, batch.spectra, strict=True):
        expected = prepare(read(folder / row[1]), Grid())
        np.testing.assert_allclose(window, expected, rtol=1e-5, err_msg=row[1])
