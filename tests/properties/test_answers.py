"""Labels follow identifiers, in whatever order answers, corrections and undos come."""

import itertools
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from active_cnn.campaign.campaign import close_iteration, record_answer
from active_cnn.campaign.creation import create_campaign
from active_cnn.campaign.relabelling import draw_relabel_query
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import build_training_set

ANSWERS = ["absorption", "emission", "double-peak", "noise", "artefact", "unsure", None]
N = 8  # spectra of a query
N_POOL = 40


def model_of(events):
    """What a dictionary makes of the same events."""
    said = {}
    for identifier, answer in events:
        said.pop(identifier, None)
        if answer is not None:
            said[identifier] = answer
    return said


@given(
    events=st.lists(st.tuples(st.integers(0, N - 1), st.sampled_from(ANSWERS)), max_size=25),
    cut=st.integers(0, 25),
    repeats=st.lists(st.integers(0, 24), max_size=5),
)
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_store_agrees_with_a_dictionary(store, campaign, score, events, cut, repeats):
    score()
    query = draw_relabel_query(store, campaign, size=N)
    names = [item.identifier for item in query.items]
    first = len(store.answer_log(campaign.name))
    before = model_of((a.identifier, a.answer) for a in store.answer_log(campaign.name))
    spoken = [(names[n], answer) for n, answer in events]
    for n, (identifier, answer) in enumerate(spoken):
        event = f"{query.number}-{n}"
        record_answer(store, query, identifier, answer, oracle="ann", event=event)
        for again in repeats:
            if again < n:
                identifier, answer = spoken[again]
                event = f"{query.number}-{again}"
                record_answer(store, query, identifier, answer, oracle="ann", event=event)
    log = store.answer_log(campaign.name)
    assert [(a.identifier, a.answer) for a in log[first:]] == spoken
    current = {i: a.answer for i, a in store.current_answers(campaign.name).items()}
    assert current == {**before, **model_of(spoken)}
    through = log[min(first + cut, len(log)) - 1].sequence if log else 0
    as_of = replace(store.iteration(campaign.name), answers_through=through)
    known = {i: a.answer for i, a in store.current_answers(campaign.name, as_of).items()}
    assert known == model_of((a.identifier, a.answer) for a in log if a.sequence <= through)


def read_flux(path):
    """Fluxes of the pool's first usable spectra by identifier."""
    with h5py.File(path) as file:
        (group,) = file.values()
        names, spectra = group["filenames"].asstr()[:], group["spectra"][:]
    rows = np.flatnonzero(np.ptp(spectra, axis=1) > 0)[:N_POOL]  # NaN is not larger than 0
    return {names[row]: spectra[row] for row in rows}


@given(
    order=st.permutations(range(12)),
    rows=st.permutations(range(N_POOL)),
    corrected=st.sets(st.integers(0, 11)),
)
@settings(max_examples=10, deadline=None)
def test_labels_follow_identifiers_in_any_order_of_pool_and_answers(
    survey, fill_iteration, order, rows, corrected
):
    flux = read_flux(survey.pool)
    names = sorted(flux)
    said = dict(zip(names[:12], itertools.cycle(ANSWERS[:5]), strict=False))
    with TemporaryDirectory() as folder:
        pool_path = Path(folder) / "pool.h5"
        with h5py.File(pool_path, "w") as file:
            file["pool/filenames"] = [names[row] for row in rows]
            file["pool/spectra"] = np.stack([flux[names[row]] for row in rows])
        with Store(Path(folder) / "home") as store:
            campaign = create_campaign(store, "shuffled", survey.training, pool_path)
            fill_iteration(store, campaign, np.full((N_POOL, 3), 1 / 3, dtype=np.float32))
            query = draw_relabel_query(store, campaign, size=N_POOL)
            for n in sorted(corrected):
                record_answer(store, query, names[n], "unsure", oracle="ann")
            for n in order:
                record_answer(store, query, names[n], said[names[n]], oracle="ann")
            learnt = build_training_set(store, campaign, close_iteration(store, campaign))
    assert set(learnt.identifiers[90:]) == set(said)
    assert len(learnt.identifiers) == len(learnt.flux) == len(learnt.labels) == 90 + 12
    for identifier, learnt_flux, label in zip(
        learnt.identifiers[90:], learnt.flux[90:], learnt.labels[90:], strict=True
    ):
        assert campaign.network_classes[label] == campaign.trains[said[identifier]]
        np.testing.assert_array_equal(learnt_flux, flux[identifier])
