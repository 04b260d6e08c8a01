"""`run: shell` and `run: script`, in the sandbox of this machine, by a worker of their own."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import Worker
from typing_extensions import override

from activities.logins import Authenticator
from activities.programs import Containers, FeatureGate, Gate, ProgramActivities
from activities.programs.sandbox import (
    Images,
    Limits,
    Refusing,
    Sandbox,
    proven,
    proven_for_images,
)
from activities.programs.sandbox.holding import ImageInUseError
from activities.programs.unpacking import remove
from foundation.database import Database
from foundation.errors import ForbiddenError
from foundation.settings import EgressSettings
from security.accounts.models import Tenant
from security.egress import UNRULED, Egress
from security.features.images import image_name
from security.features.service import FeatureOffError, Features, ImageNotAllowedError
from tests.interpreter.conftest import SECRETS, Runner
from tests.interpreter.test_secrets import everything_of
from workflows.interpreter.tasks import run_program
from workflows.secrets import SecretOpener, SecretsInMemory

pytestmark = pytest.mark.anyio

KEY = str(SECRETS["planted"])
NODE = pytest.mark.skipif(not Path("/usr/bin/node").exists(), reason="There is no /usr/bin/node.")


@dataclass
class Allowed(Gate):
    """Lets tenants and images pass by name."""

    tenants: set[str] = field(default_factory=set)
    images: Sequence[str] = ("plant/tool:1.0", "absent:latest")

    @override
    async def require(self, tenant_id: str) -> None:
        if tenant_id not in self.tenants:
            raise FeatureOffError("programs")

    @override
    async def require_image(self, tenant_id: str, image: str) -> None:
        if tenant_id not in self.tenants:
            raise FeatureOffError("containers")
        if image_name(image) not in self.images:
            raise ImageNotAllowedError(image, self.images)


@pytest.fixture
async def sandbox() -> Sandbox:
    found = await proven()
    if isinstance(found, Refusing):
        pytest.skip(found.reason)
    return found


@pytest.fixture
def gate(tenant: str) -> Allowed:
    return Allowed({tenant})


@pytest.fixture
async def activities(
    sandbox: Sandbox, gate: Gate, tenant: str, stub_hosts: dict[str, str], images_folder: Path
) -> AsyncIterator[ProgramActivities]:
    egress = Egress(EgressSettings(allow_networks=["127.0.0.0/8"], host_map=stub_hosts), UNRULED)
    logins = Authenticator(egress)
    secrets = SecretsInMemory({(tenant, name): value for name, value in SECRETS.items()})
    limits = Limits(time_s=60, output_bytes=10_000)
    yield ProgramActivities(
        sandbox,
        gate,
        limits,
        egress=egress,
        opener=SecretOpener(secrets),
        logins=logins,
        containers=Containers(Images(images_folder), await proven_for_images(sandbox)),
    )
    await logins.aclose()
    await egress.aclose()


@pytest.fixture
async def programs(
    temporal: Client, task_queue: str, activities: ProgramActivities
) -> AsyncIterator[ProgramActivities]:
    """A worker that runs programs and nothing else."""
    queue = f"{task_queue}-programs"
    async with Worker(temporal, task_queue=queue, activities=[activities.run]):
        yield activities


def shell(command: str, more: str = "", run: str = "") -> str:
    return (
        "use: { secrets: [ planted ] }\n"
        "do:\n  - it:\n      run:\n        shell:\n          command: |\n"
        + "".join(f"            {line}\n" for line in command.splitlines())
        + (f"          {more}\n" if more else "")
        + (f"        {run}\n" if run else "")
    )


def script(language: str, code: str, more: str = "") -> str:
    return (
        f"do:\n  - it:\n      run:\n        script:\n          language: {language}\n"
        "          code: |\n"
        + "".join(f"            {line}\n" for line in code.splitlines())
        + (f"          {more}\n" if more else "")
    )


@pytest.mark.usefixtures("programs")
async def test_its_standard_output_is_the_output_of_the_task(run: Runner) -> None:
    command = 'input=$(cat)\necho "STDIN was: $input"\necho "ARGS are $1 $2"'
    more = "stdin: '${ .message }'\n          arguments: [ Foo, '${ .n }' ]"
    ended = await run(shell(command, more), {"message": "Hello", "n": 7})
    assert ended.output == "STDIN was: Hello\nARGS are Foo 7\n"


@pytest.mark.usefixtures("programs")
async def test_input_that_is_no_text_is_given_as_json(run: Runner) -> None:
    code = (
        "import json, os, sys\n"
        "print(json.load(sys.stdin)['a'][1], json.loads(sys.argv[1]), os.environ['N'])"
    )
    more = (
        "stdin: '${ . }'\n          arguments: [ '${ .a }' ]\n"
        "          environment: { N: '${ .n }' }"
    )
    ended = await run(script("python", code, more), {"a": [1, 2], "n": 1.5})
    assert ended.output == "2 [1, 2] 1.5\n"


@NODE
@pytest.mark.usefixtures("programs")
async def test_dollars_in_code_are_the_codes_own(run: Runner) -> None:
    code = "const line = process.argv[2];\nconsole.log(`line ${ line }`);"
    ended = await run(script("js", code, "arguments: [ '${ .line }' ]"), {"line": "L4"})
    assert ended.output == "line L4\n"


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ("code", 3),
        ("stderr", "bad\n"),
        ("all", {"code": 3, "stdout": "good\n", "stderr": "bad\n"}),
    ],
)
@pytest.mark.usefixtures("programs")
async def test_who_asks_how_it_failed_gets_that(run: Runner, returns: str, expected: Any) -> None:
    command = "echo good; echo bad >&2; exit 3"
    assert (await run(shell(command, run=f"return: {returns}"))).output == expected


@pytest.mark.parametrize("returns", ["stdout", "none"])
@pytest.mark.usefixtures("programs")
async def test_otherwise_a_failure_is_a_fault_with_its_last_words(
    run: Runner, returns: str
) -> None:
    ended = await run(shell("echo no oil >&2; exit 3", run=f"return: {returns}"))
    assert ended.kind == "runtime"
    assert ended.error["title"] == "The program failed"
    assert ended.error["detail"] == "It ended with exit code 3. Its last words: no oil"


@pytest.mark.usefixtures("programs")
async def test_without_a_return_there_is_no_output(run: Runner) -> None:
    ended = await run(shell("echo good", run="return: none"), {"x": 1})
    assert (ended.output, ended.error) == (None, None)


@pytest.mark.usefixtures("programs")
async def test_a_secret_reaches_the_program_and_comes_back_masked(run: Runner) -> None:
    more = "environment: { KEY: '${ $secrets.planted }' }"
    command = 'printf %s "$KEY" | wc -c; echo "$KEY"; echo "$KEY" >&2'
    output, error, kept = await everything_of(run, shell(command, more, "return: all"))
    assert error is None
    assert output == {"code": 0, "stdout": f"{len(KEY)}\n***\n", "stderr": "***\n"}
    assert KEY not in kept
    failing = shell('echo "$KEY" >&2; exit 1', more)
    _, error, kept = await everything_of(run, failing)
    assert error["detail"].endswith("Its last words: ***")
    assert KEY not in kept


@pytest.mark.usefixtures("programs")
async def test_a_program_over_its_limits_is_a_fault(run: Runner) -> None:
    ended = await run(shell("yes"))
    assert (ended.kind, ended.error["title"]) == ("runtime", "The program was stopped")
    assert "more than 10,000 bytes" in ended.error["detail"]
    head = "do:\n  - it:\n"
    slow = shell("sleep 1000").replace(
        head, head + "      metadata: { millwright: { timeout: PT1S } }\n"
    )
    ended = await run(slow)
    assert ended.kind == "timeout"
    assert "It ran longer than 1 s" in ended.error["detail"]


@pytest.mark.usefixtures("programs")
async def test_the_timeout_of_the_task_ends_the_program(run: Runner) -> None:
    head = "do:\n  - it:\n"
    mark = f"{900_000 + uuid4().int % 10_000}"
    slow = shell(f"sleep {mark}").replace(head, head + "      timeout: { after: PT2S }\n")
    assert (await run(slow)).kind == "timeout"
    await gone(mark)


@pytest.mark.usefixtures("programs")
async def test_who_cancels_the_instance_ends_the_program(run: Runner) -> None:
    mark = f"{910_000 + uuid4().int % 10_000}"
    handle = await run.start(shell(f"sleep {mark}; true"))
    while not asleep(mark):  # noqa: ASYNC110 - processes of the system give no event
        await asyncio.sleep(0.05)
    await handle.cancel()
    await gone(mark)


async def test_a_tenant_that_may_not_is_refused_when_it_runs(
    run: Runner, programs: ProgramActivities, gate: Allowed
) -> None:
    assert (await run(shell("echo yes"))).output == "yes\n"
    gate.tenants.clear()
    ended = await run(shell("echo no"))
    assert ended.kind == "authorization"
    assert "millwright features enable programs" in ended.error["detail"]
    assert programs.gate is gate


async def test_a_machine_that_does_not_isolate_says_so(
    run: Runner, programs: ProgramActivities
) -> None:
    programs.sandbox = Refusing("'bwrap' is not installed.")
    ended = await run(shell("echo no"))
    assert (ended.kind, ended.error["title"]) == ("configuration", "Programs cannot be run here")
    assert "'bwrap' is not installed." in ended.error["detail"]


async def test_a_machine_that_does_not_isolate_what_has_an_image_runs_scripts_alone(
    run: Runner, programs: ProgramActivities
) -> None:
    refusing = Refusing("'busybox' is not installed.", "containers")
    programs.containers = replace(programs.containers, sandbox=refusing)
    ended = await run(container(""))
    assert (ended.kind, ended.error["title"]) == ("configuration", "Programs cannot be run here")
    assert ended.error["detail"].startswith("This worker runs no containers, since")
    assert "'busybox' is not installed." in ended.error["detail"]
    assert (await run(shell("echo yes"))).output == "yes\n"


async def test_without_a_worker_for_programs_the_fault_says_what_to_start(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = replace(run_program.QUEUE, patience=timedelta(seconds=1))
    monkeypatch.setattr(run_program, "QUEUE", soon)
    ended = await run(shell("echo nobody"))
    assert (ended.kind, ended.error["title"]) == ("timeout", "There is no worker for this")
    assert f"'{run.task_queue}-programs'" in ended.error["detail"]
    assert "millwright worker --programs" in ended.error["detail"]


@pytest.mark.usefixtures("programs")
async def test_a_queue_of_the_authors_choice_has_its_own_queue_of_programs(
    run: Runner, temporal: Client, activities: ProgramActivities
) -> None:
    queue = f"press-{uuid4().hex[:8]}"
    head = "do:\n  - it:\n"
    there = shell("echo there").replace(
        head, head + f"      metadata: {{ millwright: {{ taskQueue: {queue} }} }}\n"
    )
    async with Worker(temporal, task_queue=f"{queue}-programs", activities=[activities.run]):
        assert (await run(there)).output == "there\n"


@pytest.mark.usefixtures("programs")
async def test_a_failed_program_is_run_again_only_when_the_author_says_so(run: Runner) -> None:
    tried = await run(shell("exit 1"))
    assert [each.attempts for each in tried.progress.events if each.attempts] in ([1], [1, 1], [])
    again = (
        "do:\n  - t:\n      try:\n        - it: { run: { shell: { command: 'exit 1' } } }\n"
        "      catch:\n        retry: { limit: { attempt: { count: 2 } } }\n"
        "        do: [ { ok: { set: { caught: true } } } ]\n"
    )
    assert (await run(again)).output == {"caught": True}


async def test_what_administrators_decide_holds_for_the_next_program(
    database: Database,
) -> None:
    tenant = f"gate-{uuid4().hex[:8]}"
    with database.session() as session:
        session.add(Tenant(id=tenant, name=tenant))
    features = Features(database)
    gate = FeatureGate(features)
    with pytest.raises(ForbiddenError, match="is not enabled for this tenant"):
        await gate.require(tenant)
    features.put(tenant, "programs", "admin", enabled=True)
    await gate.require(tenant)
    features.put(tenant, "programs", "admin", enabled=False)
    with pytest.raises(ForbiddenError):
        await gate.require(tenant)


def asleep(mark: str) -> bool:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"sleep\0{mark}".encode() in file.read_bytes():
                return True
        except OSError:
            continue
    return False


async def gone(mark: str) -> None:
    while asleep(mark):  # noqa: ASYNC110 - processes of the system give no event
        await asyncio.sleep(0.05)


def container(more: str, run: str = "") -> str:
    return (
        "use: { secrets: [ planted ] }\n"
        f"do:\n  - it:\n      run:\n        container: {{ image: 'plant/tool:1.0'{more} }}\n"
        + (f"        {run}\n" if run else "")
    )


@pytest.mark.usefixtures("programs")
async def test_a_container_runs_what_its_image_says(run: Runner) -> None:
    assert (await run(container(""))).output == "hello world\n"
    given = ", arguments: [ press, '${ .line }' ], lifetime: { cleanup: eventually, after: PT1M }"
    assert (await run(container(given), {"line": 4})).output == "hello press 4\n"
    ended = await run(container(", command: 'exit 3'", "return: code"))
    assert ended.output == 3


@pytest.mark.usefixtures("programs")
async def test_a_container_is_given_expressions_and_secrets_that_nobody_sees(run: Runner) -> None:
    given = (
        ", name: '${ \"press-\" + (.line | tostring) }', stdin: '${ .text }'"
        ", environment: { KEY: '${ $secrets.planted }' }"
        ", command: 'hostname; cat; echo \"$1 $KEY\"', arguments: [ '${ .line }' ]"
    )
    ended = await run(container(given), {"line": 4, "text": "hello\n"})
    assert ended.output == "press-4\nhello\n4 ***\n"


@pytest.mark.usefixtures("programs")
async def test_a_container_whose_image_is_not_there_says_who_adds_it(run: Runner) -> None:
    ended = await run(container("").replace("plant/tool:1.0", "absent"))
    assert (ended.kind, ended.error["title"]) == (
        "configuration",
        "The image of the container is not here",
    )
    assert "'absent:latest'" in ended.error["detail"]
    assert "millwright images add" in ended.error["detail"]


@pytest.mark.usefixtures("programs")
async def test_a_container_of_an_image_that_is_not_allowed_is_a_fault(
    run: Runner, gate: Allowed
) -> None:
    gate.images = ["other:2"]
    ended = await run(container(""))
    assert (ended.kind, ended.error["title"]) == (
        "authorization",
        "The tenant may not run this image",
    )
    assert (
        "'plant/tool:1.0' is not allowed for this tenant. Allowed: other:2."
        in (ended.error["detail"])
    )
    gate.tenants.clear()
    ended = await run(container(""))
    assert ended.kind == "authorization"
    assert "millwright features enable containers --image NAME" in ended.error["detail"]


async def test_an_image_stays_while_a_container_of_it_runs(
    run: Runner, programs: ProgramActivities, images_folder: Path, reachable_folder: Path
) -> None:
    folder = reachable_folder / "images"
    shutil.copytree(images_folder, folder, symlinks=True)
    programs.containers = replace(programs.containers, images=Images(folder))
    mark = f"{920_000 + uuid4().int % 10_000}"
    handle = await run.start(container(f", command: 'sleep {mark}; true'"))
    while not asleep(mark):  # noqa: ASYNC110 - processes of the system give no event
        await asyncio.sleep(0.05)
    with pytest.raises(ImageInUseError):
        remove(folder, "plant/tool:1.0")
    await handle.cancel()
    while _in_use(folder):  # noqa: ASYNC110 - a lock gives no event
        await asyncio.sleep(0.05)
    assert not asleep(mark)


def _in_use(folder: Path) -> bool:
    try:
        remove(folder, "plant/tool:1.0")
    except ImageInUseError:
        return True
    return False


async def test_what_administrators_decide_holds_for_the_next_container(database: Database) -> None:
    tenant = f"gate-{uuid4().hex[:8]}"
    with database.session() as session:
        session.add(Tenant(id=tenant, name=tenant))
    features = Features(database)
    gate = FeatureGate(features)
    features.put(tenant, "programs", "admin", enabled=True)
    with pytest.raises(ForbiddenError, match="'containers' is not enabled for this tenant"):
        await gate.require_image(tenant, "alpine")
    features.put(tenant, "containers", "admin", enabled=True, images=["alpine"])
    await gate.require_image(tenant, "alpine:latest")
    features.put(tenant, "containers", "admin", enabled=True, images=[])
    with pytest.raises(ForbiddenError, match="is not allowed for this tenant"):
        await gate.require_image(tenant, "alpine")


@pytest.mark.usefixtures("programs")
async def test_the_example_of_the_documentation_does_what_it_says(run: Runner) -> None:
    page = Path(__file__).parents[2] / "docs/how-to/run-programs.md"
    example = page.read_text().partition("```yaml\n")[2].partition("```")[0]
    ended = await run(example, {"measurements": [1, 2, 3]})
    assert ended.output == "sd 1.00 of line L4\n"
