"""The page of the versions: what each is worth, how two of them differ, and which one answers."""

import streamlit as st

from dashboard import changes, golden, live, measures, phrases
from dashboard.batches import Image
from dashboard.client.gateway import GatewayClient
from dashboard.client.messages import RouteState, VersionAccuracy
from dashboard.golden import GoldenSet
from dashboard.live import Live
from dashboard.notices import away
from dashboard.settings import Settings
from dashboard.views import comparison, routing
from dashboard.visitors import Visitor


def show(who: Visitor, settings: Settings) -> None:
    """Draw the page; it needs the scope `operate`."""
    st.title("Models")
    routing.show_done()
    with away("Models"):
        models, state = who.gateway.models().models, who.gateway.route()
        _show_versions(who.gateway)
        if not models:
            st.info("The model server has no version. Publish one: `trainer train --publish` does.")
            return
        st.header("Compare two versions")
        images = _golden(settings)
        comparison.show(who.gateway, models, images)
        st.header("Change the route")
        routing.show(who, models, state, images)
        st.header("Changes of the route")
        _show_changes(who.gateway)


@st.fragment(run_every="10s")
def _show_versions(gateway: GatewayClient) -> None:
    with away("Versions"):
        state, models = gateway.route(), gateway.models().models
        st.write(f"Route: {phrases.route(state.current)}. {_origin(state)}")
        if state.why:
            st.warning(f"At the moment: {phrases.plain(state.why)}.")
        seen = _live(gateway)
        st.dataframe(
            measures.overview(models, _accuracies(gateway), seen),
            hide_index=True,
            placeholder="",
            alt="The versions of the model, newest first, with the state, traffic and measures of each",
        )
        st.caption(
            "Accuracy, macro F1 and calibration error were measured by the training on its validation images; what is "
            f"right by feedback, and drift, on those of clients. Drift above {live.DRIFTED:g} is another population."
        )
        if told := live.shadowed(seen):
            st.write(told)


def _origin(state: RouteState) -> str:
    """Say who set the route, when and why."""
    if not state.sequence:
        return "It was never set."
    why = f": {phrases.plain(state.reason)}" if state.reason else ""
    return f"Set by {phrases.plain(changes.who(state))} on {phrases.moment(state.since)} UTC{why}"


def _accuracies(gateway: GatewayClient) -> list[VersionAccuracy]:
    with away("Right by feedback"):
        return gateway.accuracies().versions
    return []


def _live(gateway: GatewayClient) -> Live:
    with away("Drift"):
        return live.look(gateway)
    return Live()


def _golden(settings: Settings) -> GoldenSet:
    """Return the images that versions are compared on: what the visitor uploads, or else what lies in a folder."""
    with st.expander("Images to compare on"):
        uploads = st.file_uploader(
            f"PNG, JPEG or DICOM, {golden.MOST} at most", accept_multiple_files=True, key="models.golden"
        )
        st.caption(f"Without any, those in {phrases.plain(str(settings.golden_set))} are taken.")
    images = [Image(upload.file_id, upload.name, upload.getvalue()) for upload in uploads[: golden.MOST]]
    return golden.of_images(images) if images else golden.of_folder(settings.golden_set)


def _show_changes(gateway: GatewayClient) -> None:
    with away("Changes of the route"):
        history = gateway.route_changes().history
        if not history:
            st.caption("The route was never set: the newest version answers.")
            return
        st.dataframe(
            {
                "When (UTC)": [phrases.moment(change.since) for change in history],
                "Who": [changes.who(change) for change in history],
                "What": [phrases.route(change.route) for change in history],
                "Why": [change.reason for change in history],
            },
            hide_index=True,
            placeholder="",
            alt="The last changes of the route, newest first",
        )
