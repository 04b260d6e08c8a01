"""Our own two processes, the API and the worker: how to start them and when they are ready."""

import asyncio
import http.client
import os
import sys
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from deploy.local.environment import child_environment
from deploy.local.ports import LOOPBACK
from deploy.local.processes import Child, Program
from foundation.settings import ApiSettings, Settings
from foundation.temporal import connect

# Both import a good part of the Python world; a busy small machine takes its time.
START_S = 60.0
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - recognised, not bound


def door_program(name: str, module: str, logs: Path, settings: Settings) -> Program:
    """Describe `python -m <module>` with these settings."""
    return Program(
        name=name,
        command=(sys.executable, "-m", module),
        log=logs / f"{name.lower()}.log",
        environment=child_environment(os.environ, settings),
        # Longer than the time in which it finishes what it has begun.
        grace_s=settings.worker.graceful_shutdown_s + 2,
    )


def api_url(settings: ApiSettings) -> str:
    """Where this machine reaches the API."""
    return f"http://{_host(settings)}:{settings.port}"


def api_ready(child: Child, settings: ApiSettings) -> None:
    """Wait until it reaches everything that it needs.

    Raises:
        ProcessError: When it does not come up.
    """
    child.wait_ready(lambda: _says_ready(settings), START_S)


def worker_ready(child: Child, settings: Settings) -> None:
    """Wait until it asks Temporal for work.

    Raises:
        ProcessError: When it does not come up.
    """
    child.wait_ready(lambda: asyncio.run(_is_polled(settings)), START_S)


def _says_ready(settings: ApiSettings) -> bool:
    # Not urllib: that would ask a proxy of the environment.
    connection = http.client.HTTPConnection(_host(settings).strip("[]"), settings.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


async def _is_polled(settings: Settings) -> bool:
    client = await connect(settings.temporal)
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=settings.temporal.task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    return bool(described.pollers)


def _host(settings: ApiSettings) -> str:
    if settings.host in EVERYWHERE:
        return LOOPBACK
    return f"[{settings.host}]" if ":" in settings.host else settings.host
