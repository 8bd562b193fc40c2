"""The same plan on a real Ray cluster of two nodes, one of which is killed in the middle."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portrait_alive.batch.manifest import read_records
from portrait_alive.batch.plan import Request, make_plan
from portrait_alive.batch.processes import ProcessExecutor
from portrait_alive.batch.rows import Plan
from portrait_alive.batch.run import run_plan
from portrait_alive.options import AnimateOptions

pytest.importorskip("ray", reason="needs the extra portrait-alive[ray]")
pytestmark = pytest.mark.slow

PICTURES = 10


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head node that only leads, and two nodes that work."""
    import ray
    from ray.cluster_utils import Cluster

    here = str(Path(__file__).parent)
    monkeypatch.setenv("PYTHONPATH", here)  # nodes import the cheap job by name
    monkeypatch.setenv("CHEAP_JOB_PAUSE_S", "0.1")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    made.nodes = [made.add_node(num_cpus=1), made.add_node(num_cpus=1)]
    yield made
    ray.shutdown()
    made.shutdown()


def plan_of(root: Path, out: Path) -> Plan:
    request = Request(
        sources=[f"{root}/pictures"], folder=out, drivers=[f"{root}/me.mp4"], options=AnimateOptions(marks=False)
    )
    return make_plan(request)


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.mp4"))}


def test_cluster_makes_what_one_machine_makes_though_a_node_dies(gallery, cluster, tmp_path):
    from portrait_alive.batch.ray import RayExecutor

    root = gallery(*(f"{i}.jpg" for i in range(PICTURES)), broken="broken")
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "some.safetensors").write_bytes(b"weights")

    def kill_a_node() -> None:
        while len(outputs(tmp_path / "ray")) < 2:
            time.sleep(0.05)
        cluster.remove_node(cluster.nodes[0], allow_graceful=False)

    killer = threading.Thread(target=kill_a_node)
    killer.start()
    summary = run_plan(
        plan_of(root, tmp_path / "ray"),
        lambda tasks: RayExecutor("cheap_job", address=cluster.address, threads=1, weights=weights),
    )
    killer.join()
    assert (summary.made, len(summary.failed)) == (PICTURES, 1)
    assert summary.failed[0].error_kind == "NoFaceError"
    run_plan(
        plan_of(root, tmp_path / "here"),
        lambda tasks: ProcessExecutor("cheap_job", workers=1, threads=1, logs=tmp_path / "logs"),
    )
    assert outputs(tmp_path / "ray") == outputs(tmp_path / "here")
    assert {record.status for record in read_records(tmp_path / "ray").values()} == {"done", "failed"}
    again = run_plan(plan_of(root, tmp_path / "ray"), lambda tasks: pytest.fail("everything is done"))
    assert (again.done, again.made) == (PICTURES, 0)
    assert "ray" in sys.modules
