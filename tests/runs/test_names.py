"""Names of runs, inside and outside."""

import pytest

from workflows.runs.names import RunName, new_key, of_instance_id, of_workflow_id

RUN = RunName("press-line", "defect-watch", "order.4711")


def test_a_run_has_one_name_outside_and_one_in_temporal() -> None:
    assert RUN.instance_id == "press-line.defect-watch.order.4711"
    assert RUN.workflow_id("acme") == "acme/press-line/defect-watch/order.4711"
    assert of_instance_id(RUN.instance_id) == RUN
    assert of_workflow_id(RUN.workflow_id("acme")) == ("acme", RUN)


def test_a_scheduled_run_has_a_name_too() -> None:
    run = of_instance_id("press-line.defect-watch.nightly-2026-11-22T10:00:00Z")
    assert run is not None
    assert run.key == "nightly-2026-11-22T10:00:00Z"


@pytest.mark.parametrize(
    "text", ["", "a", "a.b", "a.b.", "a.b.c/d", "a..c", "a.b.c\n", "a.b.ü", "a/b/c/d"]
)
def test_what_cannot_be_an_instance_id_is_none(text: str) -> None:
    assert of_instance_id(text) is None


@pytest.mark.parametrize("text", ["", "a/b/c", "a/b/c/d/e", "/b/c/d", "temporal-sys-scheduler:a/b"])
def test_workflows_that_are_not_ours_have_no_run_name(text: str) -> None:
    assert of_workflow_id(text) is None


def test_new_keys_are_keys_and_sort_by_time() -> None:
    keys = [new_key() for _ in range(3)]
    assert len({*keys}) == 3
    assert [key[:12] for key in keys] == sorted(key[:12] for key in keys)
    assert all(of_instance_id(f"a.b.{key}") for key in keys)
