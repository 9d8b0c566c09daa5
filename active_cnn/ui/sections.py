"""The sections of the Overview page: summary, gallery, refused spectra, one spectrum."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from active_cnn.campaign.files import last_scored
from active_cnn.campaign.overview import (
    Gallery,
    count_answers,
    predicted_probabilities,
    training_gallery,
)
from active_cnn.errors import SpectrumError
from active_cnn.names import trim
from active_cnn.ui import cached, charts, spectrum_charts
from active_cnn.ui.drawing import offer_questions_about
from active_cnn.ui.page import View, put_into_url, rows_of_numbers, take_from_url
from active_cnn.ui.paging import page_of
from active_cnn.ui.palette import SPECTRUM, class_colours
from active_cnn.ui.spectrum_view import show_metadata, show_probabilities, show_spectrum
from active_cnn.ui.text import plain
from active_cnn.wording import one_or_many

GALLERY_SIZES = (4, 8, 12, 16, 24)


def show_summary(view: View) -> None:
    """Show counts, the balance of the classes and the distribution of the S/N."""
    store, campaign = view.store, view.campaign
    n_pool, n_usable = cached.pool_size(store, campaign)
    n_refused = int(cached.refused(store, campaign)[0]["n"].sum())
    labels = Counter(cached.training_set(store, campaign).labels)
    answers = count_answers(campaign, store.current_answers(campaign.name))
    rows_of_numbers(
        ("Spectra in the pool", f"{n_pool:,}"),
        ("Usable", f"{n_usable:,}"),
        ("Refused", f"{n_refused:,}"),
        ("Initial training set", f"{labels.total():,}"),
        ("Answers", f"{sum(answers.values()):,}"),
    )
    targets = list(campaign.target_answers)
    colours = class_colours([one.name for one in campaign.classes], targets)
    left, middle, right = st.columns(3, gap="medium")
    with left:
        st.markdown("**Initial training set**")
        known = {name: labels[name] for name in colours if labels[name]}
        st.altair_chart(charts.class_bars(known, colours), key="training-classes")
    with middle:
        st.markdown("**Answers of the oracle**")
        if sum(answers.values()):
            st.altair_chart(charts.class_bars(answers, colours), key="answer-classes")
        else:
            st.caption("None yet. They come from the pages Performance and Relabel.")
    with right:
        scored = last_scored(store, campaign.name)
        st.markdown(f"**Predicted, iteration {scored.number}**" if scored else "**Predicted**")
        if scored and scored.result:
            st.altair_chart(
                charts.class_bars(
                    scored.result.predicted_counts,
                    class_colours(campaign.network_classes, campaign.targets),
                ),
                key="predicted-classes",
            )
        else:
            st.caption("Nothing yet. Train the first network on the page Train.")
    st.markdown("**Signal-to-noise ratio of the pool**")
    histogram = cached.snr_histogram(store, campaign)
    if histogram.counts.size:
        st.altair_chart(charts.snr_bars(histogram), key="snr")
    if histogram.n_unknown:
        st.caption(f"Not known for {histogram.n_unknown:,} of {n_usable:,} usable spectra.")
    if unknown := cached.unknown_places(store, campaign):
        st.caption(plain(unknown))
    st.caption(plain(cached.resolution(store, campaign)))
    lines = ", ".join(f"{plain(line.name)} {line.wavelength:.2f} Å" for line in campaign.lines)
    st.caption(
        f"Search: {plain(campaign.search.describe())}. "
        f"{campaign.grid.noun.capitalize()}: {campaign.grid} (vacuum). "
        f"Scaling ({campaign.search.scaling}): each spectrum is "
        f"{campaign.search.scaling.words}. Lines: {lines or 'none'}. "
        f"Seed {campaign.seed}. Training set: {plain(campaign.training_path)}. "
        f"Pool: {plain(campaign.pool_path)}."
    )


def show_gallery(view: View) -> None:
    """Show some spectra of a class, drawn with a seed."""
    store, campaign = view.store, view.campaign
    scored = last_scored(store, campaign.name)
    sources = ["training set"] + (["predictions"] if scored else [])
    first, second, third, fourth = st.columns([2, 2, 1, 1])
    take_from_url("gallery", sources)
    source = first.selectbox(
        "From", sources, key="gallery", on_change=put_into_url, args=("gallery",)
    )
    training = cached.training_set(store, campaign)
    if source == "predictions":
        names = list(campaign.network_classes)
        colours = class_colours(names, campaign.targets)
    else:
        names = [one.name for one in campaign.classes if one.name in training.labels]
        targets = list(campaign.target_answers)
        colours = class_colours(names, targets)
    take_from_url("class", names)
    name = second.selectbox("Class", names, key="class", on_change=put_into_url, args=("class",))
    size = third.selectbox("Spectra", GALLERY_SIZES, 1, key="gallery_size")
    seed = int(fourth.number_input("Seed", 0, 2**31 - 1, campaign.seed, key="gallery_seed"))
    if source == "predictions" and scored and scored.job is not None:
        shown = cached.predicted_gallery(
            store, campaign, scored.number, scored.job, name, size, seed
        )
        what = f"predicted as {plain(name)} in iteration {scored.number}"
    else:
        shown = training_gallery(training, name, size, seed)
        what = f"labelled {plain(name)} in the initial training set"
    _draw_gallery(view, shown, what, colours.get(name, SPECTRUM))


def _draw_gallery(view: View, shown: Gallery, what: str, colour: str) -> None:
    st.caption(
        f"{len(shown.identifiers)} of {shown.n_in_class:,} "
        f"{one_or_many(shown.n_in_class, 'spectrum', 'spectra')} {what}, drawn at random. "
        f"Rescaled flux against vacuum wavelength (Å)."
    )
    if shown.identifiers:
        grid, lines = view.campaign.grid, view.campaign.lines
        st.altair_chart(spectrum_charts.gallery(shown, grid, lines, colour), key="gallery-chart")


def show_refused(view: View) -> None:
    """Show what cannot be used, by reason and one by one."""
    counts, files = cached.refused(view.store, view.campaign)
    if counts.empty:
        st.success("Every spectrum of the pool can be used; none was refused.")
        return
    st.caption(
        "These spectra are never predicted, never asked about and never filled in. "
        "Counted are rows of the pool that cannot be used and files that ingest refused."
    )
    left, right = st.columns([2, 3], gap="large")
    left.dataframe(
        counts,
        hide_index=True,
        column_config={"n": st.column_config.NumberColumn("spectra", format="localized")},
    )
    with right:
        with page_of(len(files), "refused") as shown:
            st.dataframe(
                files[shown],
                hide_index=True,
                height=420,
                column_config={
                    "path": st.column_config.TextColumn("file or identifier", width="medium")
                },
            )
        if len(files) < counts["n"].sum():
            st.caption(f"The first {len(files):,} of {counts['n'].sum():,}.")


def show_one_spectrum(view: View) -> None:
    """Show one spectrum of the pool by its identifier, with how it was prepared."""
    store, campaign = view.store, view.campaign
    take_from_url("identifier")
    named = st.text_input(
        "Identifier of a spectrum of the pool",
        key="identifier",
        on_change=put_into_url,
        args=("identifier",),
        placeholder="as in the column `identifier` of the candidates",
    )
    identifier = trim(named)
    if not identifier:
        st.info("Enter the identifier of a spectrum, or select a row on the page Candidates.")
        return
    spectrum = cached.spectra(store, campaign, (identifier,))[0]
    left, right = st.columns([3, 1.2], gap="medium")
    with left:
        show_spectrum(store, campaign, spectrum, "one")
    with right:
        scored = last_scored(store, campaign.name)
        if scored:
            st.markdown(f"**Predicted by iteration {scored.number}**")
            probabilities = predicted_probabilities(store, campaign, scored.number, identifier)
            show_probabilities(campaign, probabilities, "one-probabilities")
            offer_questions_about(view, identifier)
        show_metadata(spectrum)
        answer = store.current_answers(campaign.name).get(identifier)
        if answer:
            st.caption(
                f"Answer: {plain(answer.answer)} by {plain(answer.oracle)}, iteration "
                f"{answer.iteration}. {plain(answer.note)}"
            )
    _show_preparation(view, str(spectrum.metadata["path"]))


def _show_preparation(view: View, path: str) -> None:
    grid, lines = view.campaign.grid, view.campaign.lines
    st.subheader("Before and after preprocessing", anchor=False)
    if not path:
        st.caption("The pool does not say which file this spectrum came from.")
        return
    try:
        prepared = cached.preparation(view.store, view.campaign, path)
    except SpectrumError as error:
        st.caption(f"The file {plain(path)} cannot be prepared anew: {plain(error)}.")
        return
    left, right = st.columns(2, gap="medium")
    medium = prepared.spectrum.medium.value
    left.markdown(f"**Before: as in the file, wavelength in {medium}**")
    left.altair_chart(spectrum_charts.before(prepared.spectrum, grid, lines), key="before")
    right.markdown(f"**After: the {grid.noun}, wavelength in vacuum**")
    right.altair_chart(spectrum_charts.window(prepared.window, grid, lines), key="after")
    st.markdown("\n".join(f"{n}. {step}" for n, step in enumerate(prepared.steps, 1)))
    st.caption(f"File: {plain(path)}")
