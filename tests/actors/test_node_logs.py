"""What a node's actors log is seen where the node was started; what Ray says in the same files is not."""

from pathlib import Path

from actors.node_logs import followed


def test_whole_lines_of_ours_are_copied_once_and_nothing_else(tmp_path: Path, capsys):
    logs = tmp_path / "session_latest" / "logs"
    logs.mkdir(parents=True)
    log = logs / "worker-1.err"
    log.write_text(':actor_name:HostActor\n{"event":"assigned"}\n{"event":"half')
    with followed(tmp_path):
        with log.open("a") as more:
            more.write(' a line"}\n')
        (logs / "raylet.err").write_text('{"event":"not of an actor"}\n')
    (logs / "worker-2.err").write_text('{"event":"after the end"}\n')
    assert capsys.readouterr().err.splitlines() == ['{"event":"assigned"}', '{"event":"half a line"}']
