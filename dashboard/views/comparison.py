"""Two versions side by side: what their trainings measured, and what both say of the same images."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import streamlit as st

from dashboard import changes, golden, measures, phrases, validation
from dashboard.client.gateway import GatewayClient
from dashboard.client.messages import ModelEntry
from dashboard.golden import GoldenSet, GoldenSetMissing, Judged
from dashboard.notices import show_problem
from dashboard.problems import GatewayProblem

_ANSWERS: Final = "models.answers"
_KEPT: Final = 8  # comparisons in a session

Pair = tuple[ModelEntry, ModelEntry]


def show(gateway: GatewayClient, models: Sequence[ModelEntry], images: GoldenSet) -> None:
    """Let the visitor choose two versions, and show them."""
    known = [entry for entry in models if entry.labels]
    if len(known) < 2:
        st.caption("There are not two versions that describe themselves.")
        return
    pair = _choose(known)
    if pair is None:
        return
    measured = measures.side_by_side(*pair)
    if measured["Measure"]:
        st.table(measured)
    st.caption(
        "Each was measured on the validation images of its own training. A smaller calibration error and a smaller "
        "cross-entropy are better. Below, both are asked about the same images."
    )
    _show_curves(pair)
    if is_known(pair, images) or st.button("Ask both about the same images"):
        show_disagreement(gateway, pair, images)


def _choose(known: Sequence[ModelEntry]) -> Pair | None:
    """Return the two versions, at first the one that answers and the one on trial, or else the newest other one."""
    numbers = {entry.version: entry for entry in known}
    now = changes.answering(known)
    first = now if now is not None else known[-1].version
    others = [entry for entry in known if entry.version != first]
    second = next((entry for entry in others if entry.role is not None), others[0]).version
    left, right = st.columns(2)
    one = left.selectbox("First version", list(numbers), index=list(numbers).index(first), key="models.first")
    other = right.selectbox("Second version", list(numbers), index=list(numbers).index(second), key="models.second")
    if one == other:
        st.info("Choose two different versions.")
        return None
    return numbers[one], numbers[other]


def _show_curves(pair: Pair) -> None:
    drawn = [(entry, entry.curves) for entry in pair if entry.curves is not None]
    for entry in pair:
        if entry.curves is None:
            st.caption(f"Version {entry.version} does not tell its curves: it was trained before they were kept.")
    if not drawn:
        return
    with st.expander("Confusion matrices, ROC and reliability", expanded=True):
        for column, (entry, told) in zip(st.columns(2), drawn, strict=False):
            with column:
                st.write(f"**Version {entry.version}**: answers of each class, number of images")
                validation.confusion(entry, told)
                st.write("ROC, each class against the rest; dotted: chance")
                validation.roc(entry, told)
        st.write("Reliability: how often answers were right, by how sure they were; dotted: perfect")
        validation.reliability([entry for entry, _ in drawn])


def is_known(pair: Pair, images: GoldenSet) -> bool:
    """Return whether both were asked about these images in this session."""
    return _key(pair, images) in st.session_state.get(_ANSWERS, {})


def show_disagreement(gateway: GatewayClient, pair: Pair, images: GoldenSet) -> None:
    """Show on which images two versions differ; they are asked once in a session."""
    kept: dict[object, list[Judged]] = st.session_state.setdefault(_ANSWERS, {})
    key = _key(pair, images)
    if key not in kept:
        answers = _ask(gateway, pair, images)
        if answers is None:
            return
        while len(kept) >= _KEPT:
            del kept[next(iter(kept))]
        kept[key] = answers
    versions = pair[0].version, pair[1].version
    st.write(golden.summary(kept[key], versions))
    st.dataframe(
        _columns(kept[key], versions),
        hide_index=True,
        column_config={f"Confidence {number}, %": st.column_config.NumberColumn(format="%.1f") for number in versions},
        placeholder="",
        alt="What each of the two versions says of each image, those first on which they differ",
    )
    st.caption(f"Asked about {phrases.plain(images.title)}, one after the other; the history has the answers.")


def _ask(gateway: GatewayClient, pair: Pair, images: GoldenSet) -> list[Judged] | None:
    """Return the answers; None where the reason why not has been shown."""
    versions = pair[0].version, pair[1].version
    answers: list[Judged] = []
    try:
        read = images.read()
        ask = partial(gateway.opinion, gateway.model())
        bar = st.progress(0.0, "Asking both versions")
        for answer in golden.judge(read, ask, versions):
            answers.append(answer)
            bar.progress(len(answers) / len(read), f"{len(answers)} of {len(read)} images")
        bar.empty()
    except GoldenSetMissing as missing:
        st.warning(phrases.plain(str(missing)))
        return None
    except GatewayProblem as problem:
        show_problem(problem)
        return None
    return answers


def _columns(answers: Sequence[Judged], versions: tuple[int, int]) -> dict[str, list[object]]:
    first, second = versions
    rows = sorted(answers, key=lambda one: one.agree)
    columns: dict[str, list[object]] = {
        "File": [one.name for one in rows],
        "Same class": ["yes" if one.agree else "no" for one in rows],
        f"Version {first}": [one.first and one.first.label for one in rows],
        f"Confidence {first}, %": [one.first and one.first.confidence * 100 for one in rows],
        f"Version {second}": [one.second and one.second.label for one in rows],
        f"Confidence {second}, %": [one.second and one.second.confidence * 100 for one in rows],
    }
    if any(one.problem for one in rows):
        columns["Problem"] = [one.problem for one in rows]
    return columns


def _key(pair: Pair, images: GoldenSet) -> object:
    return (*((entry.version, entry.digest) for entry in pair), images.key)
