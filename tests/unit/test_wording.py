"""What is said of one spectrum is said in the singular."""

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from active_cnn.cli import main
from active_cnn.errors import AcquisitionError, SpectrumError
from active_cnn.evaluation.precision import certify
from active_cnn.evaluation.stopping import Goals, judge_stopping
from active_cnn.query.selection import refuse_size
from active_cnn.spectra.readers import read
from active_cnn.spectra.sources import describe_passed_over
from active_cnn.ui.counts import counts_in
from active_cnn.ui.precision import describe_certification
from active_cnn.wording import percent
from tests.corpus.spectra import FITTED, LINEAR, image, line, write


def ingest(folder, names, capsys):
    for name in names:
        cards = {} if name.startswith("bad") else FITTED
        write(folder / name, [image(line(LINEAR), cards)])
    with pytest.raises(SystemExit) as end:
        main(["ingest", str(folder), "--out", str(folder / "pool.h5"), "--processes", "1"])
    said = capsys.readouterr()
    return end.value.code, said.out + said.err


def test_a_pool_of_one_spectrum_is_told_in_the_singular(tmp_path, capsys):
    code, said = ingest(tmp_path, ["a.fits", "bad.fits"], capsys)
    assert code == 0
    assert "1 spectrum is in " in said
    assert "1 was refused." in said


def test_a_pool_of_two_is_told_in_the_plural(tmp_path, capsys):
    _, said = ingest(tmp_path, ["a.fits", "b.fits"], capsys)
    assert "2 spectra are in " in said
    assert "0 were refused." in said


def test_the_only_spectrum_that_cannot_be_used_is_one(tmp_path, capsys):
    code, said = ingest(tmp_path, ["bad.fits"], capsys)
    assert code == 1
    assert "The only spectrum cannot be used" in said


def test_one_file_of_others_is_one():
    assert describe_passed_over({".txt": 1}).startswith("1 file passed over")
    kinds = {f".{i}": 2 for i in range(8)} | {".z": 1}
    assert "1 other." in describe_passed_over(kinds)


def test_a_plate_of_one_fibre_holds_one_spectrum(tmp_path):
    rows = line(LINEAR)[None, :]
    cards = {"TELESCOP": "SDSS 2.5-M", "COEFF0": np.log10(6250.0), "COEFF1": 2e-5}
    path = write(tmp_path / "a.fits", [image(rows, cards), fits.ImageHDU(np.ones_like(rows))])
    with pytest.raises(SpectrumError, match="^holds 1 spectrum: it is an SDSS plate"):
        read(path)


def test_asking_about_one_too_many_is_told_in_the_singular():
    with pytest.raises(AcquisitionError, match="about 1 spectrum: there are 0 "):
        refuse_size(1, 0)
    with pytest.raises(AcquisitionError, match="about 2 spectra: there is 1 "):
        refuse_size(2, 1)


def test_one_label_that_is_left_is_one():
    assert "only 1 is left" in describe_certification(certify(3, 30, 0.05), 1)


@pytest.mark.parametrize(
    ("share", "digits", "said"), [(0.95, 0, "95 %"), (0.345, 1, "34.5 %"), (1.0, 0, "100 %")]
)
def test_a_share_is_told_in_percent(share, digits, said):
    assert percent(share, digits) == said


def test_counts_in_a_table_get_separators_and_numbers_do_not():
    table = pd.DataFrame(
        {"query": [1, 2], "asked": [3920, 4], "judged": [np.nan, 7.0], "recall": [0.5, 1.0]}
    )
    assert set(counts_in(table)) == {"asked", "judged"}


def test_names_of_classes_keep_their_capitals_in_the_advice_on_stopping():
    advice = judge_stopping(Goals(), {"Be star": None}, [], None, []).advice
    assert "Precision of Be star (confirmed ones included) is not known yet" in advice


def test_a_grid_that_is_none_is_refused_without_words_of_python(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["ingest", str(tmp_path), "--out", "x.h5", "--grid", "6519", "6732", "1e3"])
    said = capsys.readouterr().err
    assert (
        "--grid 6519 6732 1e3 is no window. Give two wavelengths in Å and a whole number." in said
    )
