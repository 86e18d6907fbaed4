"""Grafana's dashboards: `python -m deploy.grafana.dashboards` writes them to provisioning/dashboards.

What a series means: docs/metrics.md. What to do when one looks wrong: docs/runbook.md.
"""

import json
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.panels import (
    RATE,
    WIDTH,
    Query,
    bars,
    chosen_stream,
    dashboard,
    graph,
    number,
    quantile,
    rows,
    states,
)

FOLDER = Path(__file__).parent / "provisioning" / "dashboards"
OPEN = {"0": ("–", "transparent"), "1": ("open", "green")}
UP = {"0": ("away", "red"), "1": ("up", "green")}


def fleet() -> Dashboard:
    """Everything at a glance: what whoever is on call looks at first."""
    return dashboard(
        "longtake-fleet",
        "longtake: fleet",
        "All streams, all nodes.",
        number("Streams that run", "short", Query('sum(longtake_streams{state="running"})')),
        number(
            "Cameras away", "short", Query("count(max by (stream) (longtake_stream_up) == 0) or vector(0)"), alarm=1
        ),
        number("Streams failed", "short", Query('sum(longtake_streams{state="failed"})'), alarm=1),
        number("Alerts", "short", Query('count(ALERTS{alertstate="firing"}) or vector(0)'), alarm=1),
        number("Nodes", "short", Query('count(up{job="longtake"} == 1)')),
        number(
            "Streams lost", "short", Query("sum(increase(longtake_stream_losses_total[$__range]))"), about="by hosts"
        ),
        graph("Streams by state", "short", Query("sum by (state) (longtake_streams)", "{{state}}")),
        graph("Furthest behind", "s", Query("topk(10, max by (stream) (longtake_lag_seconds))", "{{stream}}")),
        graph(
            "From clip to commit",
            "s",
            quantile(0.5, "longtake_clip_e2e_seconds"),
            quantile(0.95, "longtake_clip_e2e_seconds"),
            quantile(0.99, "longtake_clip_e2e_seconds"),
        ),
        graph("Frames decoded", "short", Query(f"sum(rate(longtake_frames_decoded_total[{RATE}]))", "a second")),
        graph(
            "Frames dropped",
            "short",
            Query(f"sum by (reason) (rate(longtake_frames_dropped_total[{RATE}]))", "{{reason}}"),
            about="sampled frames a second",
        ),
        graph(
            "Time without an answer",
            "percentunit",
            Query(f"sum by (reason) (rate(longtake_gap_seconds_total[{RATE}]))", "{{reason}}"),
            about="seconds a second, of all streams together",
        ),
        graph("Hosts", "short", Query("sum by (state) (longtake_hosts)", "{{state}}")),
        graph("A look of the supervisor", "s", quantile(0.95, "longtake_supervisor_step_seconds")),
        rows("What runs", Query("count by (version, python, role) (longtake_build_info)")),
        graph(
            "Processor",
            "percentunit",
            Query(f"rate(longtake_node_cpu_seconds_total[{RATE}]) / longtake_node_cpus", "{{instance}}"),
            about="of the machine, whoever uses it",
        ),
        graph("Memory by kind of process", "bytes", Query("sum by (kind) (longtake_process_memory_bytes)", "{{kind}}")),
        graph(
            "Memory taken",
            "percentunit",
            Query("1 - longtake_node_memory_available_bytes / longtake_node_memory_size_bytes", "{{instance}}"),
        ),
        bars(
            "Disk left",
            "percentunit",
            Query("longtake_node_disk_free_bytes / longtake_node_disk_size_bytes", "{{instance}} {{path}}"),
        ),
    )


def stream() -> Dashboard:
    """One stream, chosen above."""
    one = '{stream="$stream"}'
    board = dashboard(
        "longtake-stream",
        "longtake: one stream",
        "What one stream sees, loses and commits.",
        number("Behind the clock", "s", Query(f"max(longtake_lag_seconds{one})"), alarm=10),
        number("Clips that wait", "short", Query(f"max(longtake_queue_depth{one})")),
        number(
            "Frames decoded", "short", Query(f"sum(rate(longtake_frames_decoded_total{one}[{RATE}]))"), about="a second"
        ),
        number("Camera lost", "short", Query(f"sum(increase(longtake_reconnects_total{one}[$__range]))")),
        number(
            "Went on from a checkpoint", "short", Query(f"sum(increase(longtake_state_restores_total{one}[$__range]))")
        ),
        number("Watched up to", "dateTimeAsIso", Query(f"1000 * max(longtake_stream_until_seconds{one})")),
        states("Actions", Query(f"max by (label) (longtake_action{one})", "{{label}}"), OPEN),
        states("Camera", Query(f"max by (stream) (longtake_stream_up{one})", "{{stream}}"), UP, height=4),
        graph("Lag", "s", Query(f"max(longtake_lag_seconds{one})", "lag")),
        graph(
            "Frames dropped",
            "short",
            Query(f"sum by (reason) (rate(longtake_frames_dropped_total{one}[{RATE}]))", "{{reason}}"),
            Query(f"sum(rate(longtake_frames_corrupt_total{one}[{RATE}]))", "corrupt"),
            about="a second",
        ),
        graph(
            "Time without an answer",
            "percentunit",
            Query(f"sum by (reason) (rate(longtake_gap_seconds_total{one}[{RATE}]))", "{{reason}}"),
        ),
        graph("Clips", "short", Query(f"sum(rate(longtake_clips_total{one}[{RATE}]))", "a second")),
        graph("Commits", "short", Query(f"sum by (result) (rate(longtake_commits_total{one}[{RATE}]))", "{{result}}")),
        graph(
            "Segments that became final",
            "short",
            Query(f"sum by (label) (increase(longtake_segments_total{one}[$__range]))", "{{label}}"),
        ),
    )
    return board.with_variable(chosen_stream(many=False))


def models() -> Dashboard:
    """The pools of model workers."""
    computed = (
        "sum by (kind) (rate(longtake_batch_size_sum[{0}])) / sum by (kind) (rate(longtake_batch_size_count[{0}]))"
    )
    return dashboard(
        "longtake-models",
        "longtake: model workers",
        "Who computes, how much waits, what the GPUs do.",
        rows("Models", Query("count by (model, fingerprint, device, dtype) (longtake_model_info)"), width=WIDTH),
        graph("Workers", "short", Query("sum by (model) (longtake_pool_workers)", "{{model}}")),
        graph("Requests that wait", "short", Query("sum by (model) (longtake_pool_waiting)", "{{model}}")),
        graph(
            "Requests a second", "short", Query(f"sum by (kind) (rate(longtake_batch_size_sum[{RATE}]))", "{{kind}}")
        ),
        graph("Requests in one call", "short", Query(computed.format(RATE), "{{kind}}")),
        graph("How long a call takes", "s", quantile(0.95, "longtake_batch_seconds", "kind"), about="95 % take less"),
        graph(
            "Busy",
            "short",
            Query(f"sum by (instance) (rate(longtake_batch_seconds_sum[{RATE}]))", "{{instance}}"),
            about="calls under way at once",
        ),
        graph("GPU busy", "percentunit", Query("longtake_gpu_utilisation_ratio", "{{instance}} {{gpu}}")),
        graph(
            "GPU memory",
            "percentunit",
            Query("longtake_gpu_memory_used_bytes / longtake_gpu_memory_total_bytes", "{{instance}} {{gpu}}"),
        ),
        graph(
            "Memory of model workers",
            "bytes",
            Query('sum by (instance) (longtake_process_memory_bytes{kind="model_worker"})', "{{instance}}"),
        ),
    )


def store() -> Dashboard:
    """The timeline store, as its users see it."""
    return dashboard(
        "longtake-store",
        "longtake: store",
        "Redis, as those see it who ask it.",
        number("Answers", "short", Query("min(longtake_store_up)"), about="1 where every node reaches it"),
        number("Logs to disk", "short", Query("min(longtake_store_append_only)")),
        number("Memory", "bytes", Query("max(longtake_store_used_bytes)")),
        number("Limit", "bytes", Query("max(longtake_store_limit_bytes)"), about="0 is none"),
        number("Clocks apart", "s", Query("max(abs(longtake_clock_skew_seconds))"), alarm=1),
        number("Commits a second", "short", Query(f"sum(rate(longtake_commits_total[{RATE}]))")),
        graph("How long it takes", "s", quantile(0.95, "longtake_store_seconds", "operation"), about="95 % take less"),
        graph(
            "Operations",
            "short",
            Query(f"sum by (operation) (rate(longtake_store_seconds_count[{RATE}]))", "{{operation}}"),
        ),
        graph(
            "A commit",
            "s",
            quantile(0.5, "longtake_commit_seconds"),
            quantile(0.99, "longtake_commit_seconds"),
            about="the wait for a store that is away included",
        ),
        graph("Commits", "short", Query(f"sum by (result) (rate(longtake_commits_total[{RATE}]))", "{{result}}")),
        graph("Memory over time", "bytes", Query("max(longtake_store_used_bytes)", "used")),
        graph("Clocks", "s", Query("abs(longtake_clock_skew_seconds)", "{{instance}}"), about="apart from the store's"),
    )


def actions() -> Dashboard:
    """What happens in front of the cameras."""
    some = '{stream=~"$stream"}'
    board = dashboard(
        "longtake-actions",
        "longtake: actions",
        "Segments that are open, as of each commit. Those shorter than a commit are in the timeline only.",
        states(
            "Actions",
            Query(f"max by (stream, label) (longtake_action{some})", "{{stream}}: {{label}}"),
            OPEN,
            height=14,
        ),
        states("Cameras", Query(f"max by (stream) (longtake_stream_up{some})", "{{stream}}"), UP),
        bars(
            "Segments that became final",
            "short",
            Query(f"sum by (label) (increase(longtake_segments_total{some}[$__range]))", "{{label}}"),
            width=WIDTH,
        ),
    )
    return board.with_variable(chosen_stream(many=True))


def files() -> dict[str, str]:
    """Every dashboard as JSON, by the name of its file."""
    boards = {"fleet": fleet(), "stream": stream(), "models": models(), "store": store(), "actions": actions()}
    return {
        f"{name}.json": json.dumps(board.build(), cls=JSONEncoder, indent=1) + "\n" for name, board in boards.items()
    }


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / name).write_text(text)
