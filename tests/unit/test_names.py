"""What stands around a name is no part of it, wherever it comes from."""

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import h5py
import numpy as np
import pytest

from active_cnn.campaign.answer_log import export_answers, import_answers
from active_cnn.campaign.campaign import record_answer
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.definition import read_definition
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import FILE_NAME, Store
from active_cnn.campaign.training_data import build_training_set, initial_identifiers
from active_cnn.errors import SpectrumError
from active_cnn.names import trim
from active_cnn.spectra.sources import find_files, read_list
from active_cnn.ui.protocol import read_message
from tests.lamost_files import write_spectrum
from tests.unit.test_pool import N, names_of, open_indexed, write_pool


@pytest.mark.parametrize(
    "text",
    [
        "a b",
        " a b",
        "a b  ",
        "a b\r\n",
        "\ta b",
        "\ufeffa b",
        "a b\0\0",
        "\u00a0a b\u3000",
        "a b \0 ",
    ],
)
def test_blanks_line_ends_nul_and_byte_order_marks_are_trimmed(text):
    assert trim(text) == "a b"


def test_capitals_and_the_form_of_letters_are_a_names_own():
    for name in ("A", "Be\u030a", "\u00e5", "a\u00a0b"):
        assert trim(name) == name


# Identifiers


def padded(names, length=16):
    return np.array([name.ljust(length) for name in names], dtype=f"S{length}")


def test_a_pool_of_padded_names_is_asked_by_the_names(tmp_path):
    pool = open_indexed(
        write_pool(
            tmp_path / "pool.h5",
            filenames=padded(names_of(N)),
            designation=padded(["HD 5394"] * N),
            path=padded(["below/a.fits"] * N, 20),
        )
    )
    assert pool.identifiers(np.arange(N)) == names_of(N)
    assert pool.rows(names_of(N)).tolist() == list(range(N))
    # As they were written too: by these a campaign of an earlier version may know them.
    assert pool.rows([name.ljust(16) for name in names_of(N)]).tolist() == list(range(N))
    known = pool.metadata(np.array([3])).iloc[0]
    assert (known["identifier"], known["designation"]) == ("spec-03.fits", "HD 5394")
    assert known["path"] == str(tmp_path / "below/a.fits")


def test_the_fingerprint_is_of_the_names_as_they_are_written(tmp_path):
    # So a campaign of an earlier version knows its pool.
    written = [name.ljust(16) for name in names_of(N)]
    path = write_pool(tmp_path / "pool.h5", filenames=padded(names_of(N)))
    with h5py.File(path) as file:
        flux = file["lamost_dr2/spectra"][:]
    names = hashlib.sha256("".join(f"16:{name}" for name in written).encode()).digest()
    expected = hashlib.sha256(names + hashlib.sha256(flux.tobytes()).digest()).hexdigest()
    assert open_indexed(path).fingerprint == expected


def test_names_that_differ_by_blanks_alone_are_refused_with_both(tmp_path):
    names = names_of(N)
    names[7] = f" {names[3]} "
    with pytest.raises(
        SpectrumError, match=r"'spec-03\.fits' comes twice, in the rows 3 and 7"
    ) as caught:
        open_indexed(write_pool(tmp_path / "pool.h5", filenames=names))
    assert "written 'spec-03.fits' and ' spec-03.fits '" in str(caught.value)


def test_a_name_of_blanks_alone_is_none(tmp_path):
    names = names_of(N)
    names[7] = "   "
    with pytest.raises(SpectrumError, match="row 7 .* has no identifier"):
        open_indexed(write_pool(tmp_path / "pool.h5", filenames=names))


def rewritten_training(survey, path, names=None, label="{}"):
    header, *rows = survey.training.read_text(encoding="utf-8").splitlines()
    columns = header.split(",")
    lines = [header]
    for number, row in enumerate(rows):
        cells = row.split(",")
        if names is not None and number < len(names):
            cells[columns.index("id")] = names[number]
        cells[columns.index("label")] = label.format(cells[columns.index("label")])
        lines.append(",".join(cells))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def padded_pool(survey, path):
    shutil.copy(survey.pool, path)
    with h5py.File(path, "r+") as file:
        (group,) = (one for one in file.values() if "spectra" in one)
        names = [name.decode() for name in group["filenames"][:]]
        del group["filenames"]
        group["filenames"] = padded(names, 40)
    return path, names


def test_training_set_and_pool_meet_whatever_surrounds_their_names(
    store, survey, tmp_path, fill_iteration, probabilities
):
    pool, names = padded_pool(survey, tmp_path / "pool.h5")
    # All but twenty of the training spectra are of the pool, beginning with what is asked first.
    training = rewritten_training(
        survey, tmp_path / "training.csv", [f" {name}" for name in names[:70]], label=" {} "
    )
    campaign = create_campaign(store, "meeting", training, pool)
    assert list(initial_identifiers(store, campaign))[:70] == names[:70]
    fill_iteration(store, campaign, probabilities)
    query = draw_relabel_query(store, campaign, "entropy", size=200)
    assert not {item.identifier for item in query.items} & set(names[:70])
    record_answer(store, query, f" {query.items[0].identifier} ", "emission", oracle="Ann")
    assert list(store.current_answers(campaign.name)) == [query.items[0].identifier]


def test_training_names_that_differ_by_blanks_alone_are_refused_with_both(store, survey, tmp_path):
    training = rewritten_training(survey, tmp_path / "training.csv", ["a", "b", "a "])
    with pytest.raises(
        SpectrumError, match="line 4 .* stands in line 2 already, written 'a' there and 'a '"
    ):
        create_campaign(store, "twice", training, survey.pool)


# A campaign of an earlier version


def test_what_was_said_of_padded_names_counts_after_an_upgrade(
    store, survey, tmp_path, fill_iteration, probabilities
):
    pool, names = padded_pool(survey, tmp_path / "pool.h5")
    campaign = create_campaign(store, "earlier", survey.training, pool)
    iteration = fill_iteration(store, campaign, probabilities)
    query = draw_relabel_query(store, campaign, "entropy", size=20)
    for item in query.items[:12]:
        record_answer(store, query, item.identifier, "emission", oracle="Ann")
    answered = set(store.current_answers(campaign.name))
    home = store.home
    store.close()
    make_as_before(home)

    with Store(home) as upgraded:
        assert set(upgraded.current_answers(campaign.name)) == answered
        assert answered <= set(names)
        assert {item.identifier for item in upgraded.query(query.number).items} <= set(names)
        again = draw_relabel_query(upgraded, campaign, "entropy", size=200)
        assert not {item.identifier for item in again.items} & answered
        upgraded.close_iteration(campaign.name, iteration.number, 2)
        trained = build_training_set(upgraded, campaign, upgraded.iteration(campaign.name))
        assert answered <= set(trained.identifiers)
        with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
            upgraded._db.execute("UPDATE answer SET note = 'x'")
        assert not upgraded._db.execute("PRAGMA foreign_key_check").fetchall()


def make_as_before(home):
    """Put the names into the database as an earlier version took them from a padded pool."""
    connection = sqlite3.connect(home / FILE_NAME)
    ((trigger,),) = connection.execute(
        "SELECT sql FROM sqlite_master WHERE name = 'answers_are_kept_on_update'"
    ).fetchall()
    connection.execute("DROP TRIGGER answers_are_kept_on_update")
    for table in ("query_item", "answer", "claim"):
        connection.execute(
            f"UPDATE {table} SET identifier = substr(identifier || '{' ' * 40}', 1, 40)"
        )
    connection.execute(trigger)
    connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'm006_trimmed_names'")
    connection.commit()
    connection.close()


# Answers from elsewhere


@pytest.mark.parametrize("ending", [".json", ".csv"])
def test_imported_answers_are_of_the_spectra_that_are_named(
    store, campaign, score, tmp_path, ending
):
    score()
    query = draw_relabel_query(store, campaign, "entropy", size=3)
    file = tmp_path / f"answers{ending}"
    first, second, _ = (item.identifier for item in query.items)
    record_answer(store, query, first, "emission", oracle="Ann", event="one")
    export_answers(store, file)
    text = file.read_text(encoding="utf-8")
    text = text.replace(first, f"{first}  ").replace('"emission"', '"emission "')
    file.write_text(text.replace('"one"', '"two"'), encoding="utf-8")
    if ending == ".json":
        content = json.loads(file.read_text(encoding="utf-8"))
        assert content["answers"][0]["identifier"].endswith("  ")
        content["queries"][0]["items"][0]["predicted"] = query.items[0].predicted
        file.write_text(json.dumps(content), encoding="utf-8")
    report = import_answers(store, file)
    assert report.n_new == 1
    assert [one.identifier for one in store.answer_log(campaign.name)] == [first, first]
    assert {one.answer for one in store.answer_log(campaign.name)} == {"emission"}


def test_a_browsers_answer_is_of_the_spectrum_that_it_names():
    event = {
        "event": "one",
        "query": 1,
        "identifier": "spec-01.fits   ",
        "answer": "emission",
        "note": "",
        "seconds": None,
        "undoes": None,
        "oracle": "Ann",
    }
    ((_, read),) = read_message({"events": [event]}).events
    assert read.identifier == "spec-01.fits"


# Definitions and lists


def test_a_definition_is_read_with_a_byte_order_mark_and_its_names_are_trimmed(tmp_path):
    path = tmp_path / "definition.toml"
    path.write_text(
        '\ufeff[[class]]\nname = " emission "\nkey = "e"\nnetwork_class = "emission "\n'
        'is_target = true\n[[class]]\nname = "rest"\nkey = "r"\nnetwork_class = "rest"\n',
        encoding="utf-8",
    )
    first, _ = read_definition(path).classes
    assert (first.name, first.network_class) == ("emission", "emission")


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_list_names_the_same_files_however_it_was_saved(tmp_path, encoding, end):
    names = ["a.fits", "b ä.fits"]
    for name in names:
        write_spectrum(tmp_path / name)
    text = end.join(["", *names, ""])
    if encoding.endswith("-bom"):
        content = ("\ufeff" + text).encode(encoding.removesuffix("-bom"))
    else:
        content = text.encode(encoding)
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    assert list(read_list(path)) == [(2, "a.fits"), (3, "b ä.fits")]
    assert [Path(one).name for one in find_files([path])] == names


def test_lists_that_were_put_together_name_files_without_marks_and_padding(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeffa.fits\0\n\ufeffb.fits \0\0\n\0\n".encode())
    assert list(read_list(path)) == [(1, "a.fits"), (2, "b.fits")]
