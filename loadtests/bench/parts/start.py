"""How long the gateway takes from its start to its being ready, while the model server is up."""

from statistics import median

from loadtests.bench.measuring import Bench
from loadtests.bench.processes import gateway, model_server
from loadtests.bench.report import Section


def measure(bench: Bench) -> Section:
    """Start it once in each round."""
    section = Section(
        "Start of the gateway", "With the model server up; a new history each time.", ("round", "ready s")
    )
    with model_server(bench.material.store, bench.folder) as (target, server):
        with gateway(target, bench.folder, bench.settings):
            pass  # until the model server has loaded the version, and the files are in memory
        for number in range(bench.rounds):
            with gateway(target, bench.folder, bench.settings) as (_, front):
                section.rows.append([number, front.ready_s])
    found = median(float(row[1] or 0) for row in section.rows)
    section.lines.append(f"gateway start to ready: {found:.2f} s (the model server: {server.ready_s:.1f} s to listen)")
    section.data = [dict(zip(("round", "ready_s"), row, strict=True)) for row in section.rows]
    return section
