"""A methods section for a paper, with a campaign's own numbers, and what it takes to repeat it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from active_cnn import __version__
from active_cnn.campaign.audit import measure_audit
from active_cnn.campaign.campaign import measure_precision
from active_cnn.campaign.committee import predecessors
from active_cnn.campaign.confidence import THRESHOLD, describe_confidence, find_confidence
from active_cnn.campaign.files import last_scored, open_pool
from active_cnn.campaign.recovery import is_predicted, read_recovery
from active_cnn.campaign.stopping import advise_stopping
from active_cnn.campaign.store import Store
from active_cnn.campaign.training_data import read_initial_set
from active_cnn.delivery.candidates import ORACLE, above_threshold, list_candidates
from active_cnn.delivery.ranked import REFERENCE, describe_ranked
from active_cnn.errors import CampaignError, StoreError
from active_cnn.evaluation.precision import Precision
from active_cnn.evaluation.proportions import choose_method, describe_share
from active_cnn.evaluation.recovery import describe_recovery
from active_cnn.learning.augmentation import is_planted
from active_cnn.records import Campaign, Iteration, Purpose, TrainingResult
from active_cnn.search import HALPHA_EMISSION, Search
from active_cnn.spectra.limits import LIMITS
from active_cnn.spectra.resolving_power import PoolResolution
from active_cnn.verdicts import describe_rankings
from active_cnn.wording import one_or_many


def describe_methods(store: Store, campaign: Campaign) -> str:
    """Write how a campaign was carried out and what it came to.

    Parameters
    ----------
    store : Store
        Read only.
    campaign : Campaign
        Scored once at least.

    Returns
    -------
    str
        Markdown: paragraphs for the methods and results of a paper, then a table of versions,
        seeds and hashes. The same campaign gives the same text. What has not been measured is
        said to be unknown.

    Raises
    ------
    CampaignError
        If nothing has been predicted yet.
    """
    scored = last_scored(store, campaign.name)
    if scored is None or scored.result is None:
        raise CampaignError(
            f"Campaign {campaign.name!r} has nothing to report: nothing has been predicted. Train "
            "its first iteration."
        )
    ranked = describe_ranked(store.iterations(campaign.name))
    parts = [
        f"# Methods of the search {campaign.name!r}",
        _search(store, campaign),
        ranked,
        _training(campaign, scored.result, "later " if ranked else ""),
        _labelling(store, campaign, scored),
        "## Result",
        _candidates(store, campaign, scored),
        _precision(store, campaign, scored),
        _completeness(store, campaign, scored),
        _planted(store, campaign, scored),
        _stopping(store, campaign),
        "## To repeat it",
        _provenance(store, campaign),
        "## References",
        "Škoda, P., Podsztavek, O., Tvrdík, P. 2020, A&A, 643, A122 (the method)",
        REFERENCE if ranked else "",
        _source(campaign.search),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _source(search: Search) -> str:
    is_of_method = search.source == HALPHA_EMISSION.source
    return f"{search.source} (the search)" if search.source and not is_of_method else ""


def _search(store: Store, campaign: Campaign) -> str:
    pool = open_pool(store, campaign)
    initial = read_initial_set(store, campaign)
    classes = Counter(campaign.trains[label] for label in initial.labels)
    grid = campaign.grid
    each = "each window" if len(grid.windows) > 1 else "its window"
    return (
        f"We searched {_spectra(pool.n)}, of which {int(pool.usable.sum()):,} can be used, for "
        f"{_join(campaign.targets)} with Active CNN {__version__}, which follows Škoda et al. "
        f"(2020). What marks them: {campaign.search.describe()}. {_resolution(pool.resolution)}"
        f"Each spectrum was resampled to {grid.describe()}, and {each} "
        f"{campaign.search.scaling.words}. The initial training set holds "
        f"{len(initial.labels):,} labelled spectra ({_counts(classes)})."
    )


def _resolution(resolution: PoolResolution) -> str:
    said = []
    if resolution.is_stated:
        said.append(
            "Spectra were kept at their own resolving power."
            if resolution.power is None
            else f"Spectra of a higher resolving power than R = {resolution.power:g} were degraded "
            "to it."
        )
    if resolution.limits != LIMITS:
        said.append(resolution.limits.describe())
    return "".join(f"{one} " for one in said)


def _training(campaign: Campaign, result: TrainingResult, later: str) -> str:
    if result.is_ranking:
        return ""
    settings = result.settings
    shown = [f"batches of {settings.batch_size}", f"at most {settings.max_epochs} epochs"]
    if settings.augmentation:
        shown.append("labelled spectra shown with the noise of the pool")
        if settings.background and is_planted(campaign.grid):
            shown[-1] += " and with planted lines"
    if settings.background:
        shown.append(
            f"up to {settings.background:,} unlabelled spectra of the pool shown as no targets"
        )
    if settings.answer_weight > 1:
        shown.append(f"answered spectra shown {settings.answer_weight} times as often")
    if settings.balancing != "none":
        shown.append(f"classes balanced by {settings.balancing}")
    return (
        f"In each {later}iteration the network {settings.network!r} was trained from scratch "
        f"({'; '.join(shown)}; Adam, learning rate {settings.learning_rate:g}, {settings.schedule})"
        f" and predicted the whole pool. The last training had {result.n_training:,} spectra."
        + "".join(f" **{one}**" for one in (result.failure, *result.warnings) if one)
        + _beside_baseline(result)
    )


def _beside_baseline(result: TrainingResult) -> str:
    words = describe_rankings(result.rankings)
    if not words:
        return ""
    return f" {words} The baseline is a logistic regression on principal components."


def _labelling(store: Store, campaign: Campaign, scored: Iteration) -> str:
    answers = store.current_answers(campaign.name)
    given = [one for one in answers.values() if one.answer]
    targets = campaign.target_answers
    asked: Counter[str] = Counter()
    for query in store.all_queries(campaign.name):
        if query.purpose is Purpose.RELABEL:
            asked[query.strategy] += sum(not item.is_repeat for item in query.items)
    if not given:
        return "Nobody has answered a spectrum yet."
    people = {one.oracle for one in given}
    rounds = "one iteration" if not scored.number else f"{scored.number + 1} iterations"
    share = describe_share(sum(one.answer in targets for one in given) / len(given), len(given))
    text = (
        f"In {rounds} {_people(len(people))} answered {_spectra(len(given))} "
        f"({_counts(Counter(one.answer or '' for one in given))}), {share} of them targets"
    )
    if asked:
        listed = ", ".join(f"{name} {n:,}" for name, n in asked.most_common())
        text += f". Asked about by query strategy were: {listed}"
    return f"{text}."


def _candidates(store: Store, campaign: Campaign, scored: Iteration) -> str:
    found = above_threshold(list_candidates(store, campaign), THRESHOLD, campaign)
    confirmed = int((found["source"] == ORACLE).sum())
    confidence = find_confidence(store, campaign, scored)
    n_networks = 1 + len(predecessors(store, scored))
    who = "the network" if n_networks == 1 else f"the mean of the newest {n_networks} networks"
    one = "the network"
    if scored.result and scored.result.is_ranking:
        who = one = "the ranking"
    how = (
        f"{who} calls a target rather than not, with a probability of {THRESHOLD:g} at least "
        f"({describe_confidence(confidence)})"
        if confidence
        else f"{one} predicts with a probability of {THRESHOLD:g} at least, not calibrated"
    )
    return (
        f"The candidate list holds {_spectra(len(found))} "
        f"({_counts(Counter(found['label']))}): {confirmed:,} confirmed by a person, and "
        f"{len(found) - confirmed:,} that, after iteration {scored.number}, {how}."
    )


def _precision(store: Store, campaign: Campaign, scored: Iteration) -> str:
    measured = measure_precision(store, campaign, scored)
    known = [_one_precision(name, one) for name, one in measured.items() if one.n_judged]
    if not known:
        return f"The precision of the predictions of iteration {scored.number} was not measured."
    return (
        f"The precision of what iteration {scored.number} predicts was measured on random samples "
        f"that its network had not learned from: {'; '.join(known)}."
    )


def _one_precision(name: str, one: Precision) -> str:
    unsure = f", {one.n_unsure} unsure left out" if one.n_unsure else ""
    drawn = "" if one.population is None else f"; {one.population:,} predicted"
    return (
        f"{name} {one.value:.3f} ({one.n_right} of {one.n_judged} right{unsure}{drawn}; 95 % "
        f"interval {one.low:.3f}–{one.high:.3f}, {choose_method(one.n_judged, one.population)})"
    )


def _completeness(store: Store, campaign: Campaign, scored: Iteration) -> str:
    iterations = [one for one in store.iterations(campaign.name) if one.result]
    audits = ((one, measure_audit(store, campaign, one)) for one in reversed(iterations))
    found = next(((one, audit) for one, audit in audits if audit and audit.words), None)
    if found is None:
        return "The completeness was not measured by an audit; none is claimed."
    audited, audit = found
    text = (
        f"The completeness of what iteration {audited.number} predicts was measured by an audit of "
        f"{_spectra(int(audit.n_judged.sum()))}, drawn at random in {len(audit.strata)} strata of "
        f"ranks. {audit.words}"
    )
    if audit.missed:
        n_twice = sum(one.n_named > 1 for one in audit.missed)
        text += (
            " Targets found outside the prediction, each of which stands for many spectra: "
            f"{len(audit.missed)}, named such at least twice: {n_twice}."
        )
    if audited.number != scored.number:
        text += f" Iteration {scored.number}, which the candidates come from, has not been audited."
    others = {
        "The candidate list with its confirmed spectra, as it was when the audit was drawn,": (
            audit.listed
        ),
        f"A simple rule, {campaign.search.describe_rule()},": audit.rule,
    }
    for what, one in others.items():
        if one:
            text += (
                f" {what} has a precision of {one.precision:.3f} ({one.precision_low:.3f}–"
                f"{one.precision_high:.3f}) and a recall of {one.recall:.3f} "
                f"({one.recall_low:.3f}–{one.recall_high:.3f}) on the same labels."
            )
    return text


def _planted(store: Store, campaign: Campaign, scored: Iteration) -> str:
    try:
        table = read_recovery(store, scored)
    except StoreError:
        table = None
    if table is None:
        return ""
    return describe_recovery(table, is_predicted(table, campaign), "predicted to be targets")


def _stopping(store: Store, campaign: Campaign) -> str:
    advice = advise_stopping(store, campaign)
    if advice is None:
        return ""
    states = "; ".join(
        f"{one.name}: {one.figure} (goal {one.goal}, {one.light})" for one in advice.criteria
    )
    return f"Criteria of stopping: {states}."


def _provenance(store: Store, campaign: Campaign) -> str:
    lines = [
        f"Campaign seed {campaign.seed}; pool fingerprint `{campaign.pool_fingerprint}`; training "
        f"set SHA-256 `{campaign.training_sha256}`.",
        "",
        "| iteration | seed | training set | network | predictions |",
        "|---:|---:|---|---|---|",
    ]
    last = None
    for one in store.iterations(campaign.name):
        if one.result:
            last = one.result
            hashes = (last.training_sha256, last.network_sha256, last.predictions_sha256)
            cells = " | ".join(f"`{value[:16]}`" if value else "–" for value in hashes)
            lines.append(f"| {one.number} | {last.settings.seed} | {cells} |")
    queries = store.all_queries(campaign.name)
    if queries:
        lines += [
            "",
            "| query | iteration | for | strategy | spectra | seed |",
            "|---:|---:|---|---|---:|---:|",
        ]
        lines += [
            f"| {one.number} | {one.iteration} | {one.purpose} "
            f"| {_strategy(one.strategy, one.design)} | {len(one.items)} | {one.seed} |"
            for one in queries
        ]
    if last:
        versions = ", ".join(f"{name} {version}" for name, version in last.versions.items())
        lines += ["", f"Software: {versions}. Device: {last.device}."]
    return "\n".join(lines)


def _strategy(name: str, design: dict[str, object]) -> str:
    shares = design.get("shares")
    if not isinstance(shares, dict):
        return name.replace("|", "\\|")
    return f"{name} ({', '.join(f'{part} {share:g}' for part, share in shares.items())})"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.most_common()) or "none"


def _spectra(n: int) -> str:
    return f"{n:,} {one_or_many(n, 'spectrum', 'spectra')}"


def _people(n: int) -> str:
    return "one person" if n == 1 else f"{n} people"


def _join(names: Sequence[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
