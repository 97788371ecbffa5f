"""A server whose records are in PostgreSQL does what every server does."""

from __future__ import annotations

import json
import sys

import psycopg


def test_a_runtime_a_run_and_a_batch_with_records_in_postgresql(
    connect_to, postgresql, tmp_path
):
    harness = sys.modules["pf_jupyter_tests_harness"]
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"name": f"n{i}"}) + "\n" for i in range(3)))
    with postgresql.schema() as url:
        server = harness.Server(tmp_path / "server", f"--PfJupyter.store_url={url}")
        try:
            workspace = connect_to(server.start())
            runtime = workspace.runtimes.create("demo", compute="process")
            run = runtime.run("hello", inputs={"name": "Ana"})
            assert "Ana" in str(run.outputs)
            batch = runtime.batch("hello", data=rows)
            assert batch.status == "Completed"
            server.kill()
            server.start()
            assert {one["run_id"] for one in workspace.runs.list()} == {
                run.record.run_id,
                batch.run_id,
            }
            assert workspace.runtimes.get("demo").state == "ready"
            with psycopg.connect(url) as connection:
                found = connection.execute("SELECT status FROM runs").fetchall()
            assert found == [("Completed",)] * 2
            assert not list(server.home.glob("store.sqlite*"))
            runtime.delete()
        finally:
            server.stop()
