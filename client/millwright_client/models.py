"""What the API answers, as frozen dataclasses. Field names are those of the JSON."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of a listing.

    Attributes:
        next_page_token: Give it as `page_token` to get the following items; None at the end.
    """

    items: list[Item]
    next_page_token: str | None = None


@dataclass(frozen=True, slots=True)
class Me:
    """Who is logged in."""

    tenant_id: str
    user_id: str
    email: str
    roles: list[str]
    permissions: list[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a definition that must, or should, be mended.

    Attributes:
        code: Stable, for programs.
        pointer: JSON pointer of the place; `line` and `column` count from 1.
    """

    code: str
    severity: str
    message: str
    pointer: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Validation:
    """Whether a definition could be published, and everything that was found."""

    valid: bool
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DefinitionSummary:
    """One version of a published definition, without its content.

    Attributes:
        hash: Hash of its content; instances pin it.
    """

    namespace: str
    name: str
    version: str
    hash: str
    title: str | None = None
    summary: str | None = None
    published_by: str | None = None
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a part of a published definition came from.

    Attributes:
        kind: `function` or `schema`.
        name: As the definition calls it: `log:1.0.0@company`, or the address of a schema.
        address: From where it was fetched; `default` for the tenant's own catalogue.
        sha256: Of what was fetched, byte by byte.
    """

    kind: str
    name: str
    address: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Definition(DefinitionSummary):
    """One version of a published definition.

    Attributes:
        document: The definition as plain data: what runs.
        source: The text as its author wrote it.
        origins: Where the parts of `document` came from that are not in `source`.
        created: Answer to a publication: False when the very same was published before.
        findings: Answer to a publication: warnings.
    """

    document: dict[str, Any] | None = None
    source: str | None = None
    origins: list[Origin] = field(default_factory=list)
    created: bool | None = None
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FunctionSummary:
    """One version of a function of the tenant's own catalogue, without its text.

    Attributes:
        hash: Hash of its content.
    """

    name: str
    version: str
    hash: str
    published_by: str | None = None
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Function(FunctionSummary):
    """One version of a function.

    Attributes:
        document: The function as plain data: one task.
        source: The text as its author wrote it.
        created: Answer to a publication: False when the very same was published before.
        findings: Answer to a publication: warnings.
    """

    document: dict[str, Any] | None = None
    source: str | None = None
    created: bool | None = None
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Started:
    """Answer to a start.

    Attributes:
        created: False when this idempotency key had started the instance before.
    """

    id: str
    namespace: str
    name: str
    version: str | None
    status: str
    web_ui: str
    created: bool


@dataclass(frozen=True, slots=True)
class InstanceSummary:
    """One line of a listing of instances."""

    id: str
    namespace: str
    name: str
    version: str | None
    status: str
    started_at: datetime
    ended_at: datetime | None
    web_ui: str


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One execution of one task.

    Attributes:
        reference: JSON pointer of the task in the definition.
        iteration: Loop turns around it, outermost first.
        state: running, completed, faulted, cancelled or skipped.
        degraded: Something stood in for what the task called; None where nobody can tell.
        fallback: What did, and why.
    """

    reference: str
    iteration: str
    name: str
    kind: str
    state: str
    attempts: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: dict[str, Any] | None = None
    event: dict[str, Any] | None = None
    execution: str = ""
    child: str | None = None
    degraded: bool | None = None
    fallback: dict[str, Any] | None = None


_ACTIVE = frozenset({"PENDING", "RUNNING", "WAITING", "PAUSED", "COMPENSATING"})


@dataclass(frozen=True, slots=True)
class Instance(InstanceSummary):
    """One instance.

    Attributes:
        status: PENDING, RUNNING, WAITING, PAUSED, COMPENSATING, or how it ended: COMPENSATED,
            COMPLETED, FAILED, CANCELLED, TERMINATED, TIMED_OUT.
        output: Result of a completed instance.
        error: Error object of the language of one that did not complete.
        timeline_source: `history` when no worker answered: then only calls are among the tasks.
    """

    definition_hash: str | None = None
    engine: dict[str, str] | None = None
    started_by: str | None = None
    input: Any = None
    output: Any = None
    error: dict[str, Any] | None = None
    tasks: list[TaskRun] = field(default_factory=list)
    waiting_for: list[dict[str, Any]] = field(default_factory=list)
    compensation: dict[str, Any] | None = None
    timeline_source: str = "interpreter"
    events_dropped: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in _ACTIVE


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One task began, ended or was skipped; `sequence` counts them."""

    sequence: int
    time: datetime
    reference: str
    iteration: str
    name: str
    kind: str
    state: str
    attempts: int | None = None
    error: dict[str, Any] | None = None
    event: dict[str, Any] | None = None
    execution: str = ""
    child: str | None = None
    degraded: bool = False
    fallback: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Repeated:
    """A task that others noticed, and that will be done again."""

    execution: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """How an instance that had ended goes on."""

    instance: InstanceSummary
    begins_at: str
    repeats: list[Repeated]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """Last event of an instance.

    Attributes:
        complete: False when no worker could tell the last task events before this one.
    """

    status: str
    ended_at: datetime | None = None
    output: Any = None
    error: dict[str, Any] | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so long, counted from 1970-01-01T00:00Z, plus an offset."""

    every: timedelta
    offset: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """One run that a schedule began."""

    instance_id: str
    scheduled_at: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class ScheduleSummary:
    """One line of a listing of schedules.

    Attributes:
        of_definition: It is the `schedule` that the definition has itself; publish another version
            to change it.
    """

    id: str
    namespace: str
    name: str
    cron: list[str]
    intervals: list[Interval]
    time_zone: str
    paused: bool
    note: str
    next_runs: list[datetime]
    recent_runs: list[ScheduledRun]
    of_definition: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Schedule(ScheduleSummary):
    """One schedule.

    Attributes:
        version: None: each run takes the newest version of the definition.
        running: Ids of its instances that are running.
        missed: Runs that were due too long ago when Temporal came back.
        skipped: Runs left out because of the overlap policy.
    """

    overlap: str
    catchup_window: timedelta
    jitter: timedelta
    pause_on_failure: bool
    created_at: datetime
    running: list[str]
    runs: int
    missed: int
    skipped: int
    version: str | None = None
    input: Any = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person has said to an approval.

    Attributes:
        verified: It is signed: this person said this of the data shown.
        moment_verified: It is signed when, and in which roles, too.
        roles: Those that the person had then.
    """

    by: str
    approves: bool
    at: datetime
    verified: bool
    comment: str | None = None
    form: Any = None
    moment_verified: bool = False
    roles: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Approval:
    """What waits for people, or has waited.

    Attributes:
        data: What is to be approved; a decision is bound to its hash.
        form: JSON Schema of what approvers fill in.
        status: PENDING, APPROVED, REJECTED, DEFAULTED or CANCELLED.
        mine: The caller may decide it now.
    """

    id: str
    instance_id: str
    execution: str
    title: str
    data_hash: str
    quorum: int
    status: str
    opened_at: datetime
    mine: bool
    description: str | None = None
    data: Any = None
    form: dict[str, Any] | None = None
    users: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    votes: list[Vote] = field(default_factory=list)
    due_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApprovalLink:
    """One link by which one person decides one approval, once. Not the link itself.

    Attributes:
        state: OPEN, USED, REVOKED or EXPIRED.
        used_for: What was decided with it.
    """

    id: str
    user_id: str
    decisions: list[str]
    state: str
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    used_for: str | None = None


@dataclass(frozen=True, slots=True)
class MadeLink:
    """A link that was just made.

    Attributes:
        url: Whoever has it decides in this person's name. It is told once.
    """

    id: str
    url: str
    decisions: list[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedEvents:
    """What became of events.

    Attributes:
        accepted: How many were taken in.
        duplicates: How many had come before: same source, same id.
    """

    accepted: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class Secret:
    """A stored secret. Its value is never shown.

    Attributes:
        version: Counts rotations.
    """

    name: str
    version: int
    created_at: datetime
    updated_at: datetime
    created_by: str | None = None
    updated_by: str | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """What an administrator has to enable for the tenant before anybody can use it.

    Attributes:
        purpose: What it allows.
        changed_at: None while nobody has decided.
        images: Of `containers`, all that may be run.
    """

    name: str
    purpose: str
    enabled: bool
    changed_at: datetime | None = None
    changed_by: str | None = None
    images: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class EgressRules:
    """Which hosts the tenant's requests may go to, as far as the installation allows them.

    Attributes:
        allow: Nothing but these; empty: everything.
        deny: None of these, whatever is allowed.
        version: Counts changes; 0 while there was none.
    """

    allow: list[str]
    deny: list[str]
    version: int
    changed_at: datetime | None = None
    changed_by: str | None = None


@dataclass(frozen=True, slots=True)
class EgressVerdict:
    """Whether requests of the tenant go to an address; `why` says why not."""

    url: str
    allowed: bool
    why: str | None = None


@dataclass(frozen=True, slots=True)
class McpServer:
    """A registered MCP server. Its credential is never shown, only of which kind it is."""

    name: str
    dialect: str
    url: str
    status: str
    tool_count: int
    version: int
    path: str = ""
    arguments: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    imported: dict[str, Any] | None = None
    timeout_s: float | None = None
    protection: dict[str, Any] = field(default_factory=dict)
    credential: dict[str, Any] = field(default_factory=dict)
    protocol: dict[str, Any] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    discovered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class McpConsentStart:
    """Where to agree that an MCP server is used as oneself: to be opened in a browser."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class McpConsent:
    """What somebody has agreed to.

    Attributes:
        issuer: The authorization server.
        wanted_scopes: What the server has missed since.
        renewable: It goes on until it is taken back there; otherwise it ends at `good_until`.
    """

    agreed_by: str
    agreed_at: datetime
    issuer: str
    resource: str
    renewable: bool
    good_until: datetime
    client_id: str | None = None
    scopes: list[str] = field(default_factory=list)
    wanted_scopes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class McpImportPlan:
    """What a `server.json` becomes.

    Attributes:
        document: What its publisher calls the server.
        choose: Which of its addresses or packages is taken.
        inputs: All that it asks for, and what is known of each.
        missing: Names of those without which nothing is registered.
        offers: Its addresses and packages, with the reason where one cannot be taken.
    """

    name: str
    document: str
    version: str
    choose: str
    dialect: str
    url: str
    title: str = ""
    description: str = ""
    arguments: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    secret_headers: list[str] = field(default_factory=list)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    offers: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class McpImport:
    """What came of importing a server.

    Attributes:
        outcome: `registered`, `updated` or `unchanged`; with `dry_run`, what it would be.
    """

    outcome: str
    dry_run: bool
    plan: McpImportPlan
    server: McpServer | None = None


@dataclass(frozen=True, slots=True)
class McpHealth:
    """How an MCP server is.

    Attributes:
        healthy: Whether it answered the last check; None when there was none.
        error: Code of what was wrong; `problem` says it in words.
        breaker: What its breaker has found out; `breaker_mode` says who decides.
        quarantined: How many of its tools wait to be accepted.
    """

    server: str
    status: str
    healthy: bool | None
    breaker: str
    quarantined: int
    dialect: str = "mcp"
    breaker_mode: str = "auto"
    checked_at: datetime | None = None
    latency_ms: float | None = None
    error: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class McpBreaker:
    """What keeps an MCP server from being called when that is of no use.

    Attributes:
        state: What it has found out: `closed`, `open` or `half-open`.
        forced: What an administrator decided: mode, reason, by, at.
        calls: How many of the last calls it looks at; `failed` and `slow` are of these.
        refused: Calls not let through.
        moments: The last changes of state: at, state.
        shared: It is what all processes know, not only the API.
        numbers: Those that hold for this server.
    """

    server: str
    state: str
    forced: dict[str, Any]
    calls: int
    failed: int
    slow: int
    open_for_s: float
    refused: int
    shared: bool
    moments: list[dict[str, Any]] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool of a registered MCP server.

    Attributes:
        problem: Why it cannot be called, when its own schema is the reason.
        sha256: Fingerprint of all that its server says of it; what a definition pins.
        version: Counts what the tool was since the server was registered.
        drift: How a version differs from the one before.
        accepted_by: Who accepted a version, when somebody had to.
    """

    server: str
    name: str
    description: str | None
    input_schema: dict[str, Any]
    output_schema: dict[str, Any] | None = None
    annotations: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    title: str | None = None
    sha256: str = ""
    version: int = 0
    drift: str | None = None
    accepted_by: str | None = None


@dataclass(frozen=True, slots=True)
class McpToolChange:
    """One difference between what a tool was and what it is.

    Attributes:
        drift: `cosmetic`, `additive`, `breaking` or `suspicious`.
        pointer: JSON pointer into the tool.
    """

    drift: str
    pointer: str
    before: str | None
    after: str | None
    why: str


@dataclass(frozen=True, slots=True)
class McpToolDrift:
    """What a server says of a tool now, and nobody has accepted. Calls are refused meanwhile.

    Attributes:
        sha256: What to send to accept this and nothing else.
        changes: The differences, the gravest first.
    """

    server: str
    name: str
    drift: str
    sha256: str
    changes: list[McpToolChange]
    description: str | None = None
    found_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class McpCall:
    """One attempt to call a tool; of what was sent and answered there are hashes.

    Attributes:
        status: `running`, `succeeded`, `failed`, `cancelled`, or `lost`: nobody told its end.
        executed: Whether the tool ran: `no`, `unknown` or `yes`.
        attempt: Counts the attempts of the same call.
        instance_id: Whose call it was, in which task; None when a person (`called_by`) made it.
        error: Code of the error, as problems have it.
        degraded: Whoever made it got something else than the tool's answer.
        fallback: What stood in: `static`, `last-good` or `tool`.
    """

    id: str
    server: str
    tool: str
    status: str
    executed: str
    started_at: datetime
    attempt: int = 1
    latency_ms: float | None = None
    error: str | None = None
    sha256: str = ""
    instance_id: str | None = None
    run_id: str | None = None
    task: str | None = None
    called_by: str | None = None
    idempotency_key: str | None = None
    arguments_hash: str = ""
    result_hash: str | None = None
    trace_id: str | None = None
    degraded: bool = False
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class McpAnswer:
    """What a tool answered.

    Attributes:
        value: What a workflow would get.
        degraded: Something stood in for the tool, which could not be called.
        fallback: What did, and why: `kind`, `error`, `reason`, and `at`, or `server` and `tool`.
    """

    value: Any
    content: list[Any] = field(default_factory=list)
    structured: Any = None
    degraded: bool = False
    fallback: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class McpToolPolicy:
    """What was decided about a tool.

    Attributes:
        policy: As `PUT .../policy` has it; what is left out is as the server says.
        repeatable: A call whose outcome is not known is made again.
        changed_by: Nobody has decided anything when it is None.
    """

    server: str
    tool: str
    policy: dict[str, Any]
    repeatable: bool = False
    changed_by: str | None = None
    changed_at: datetime | None = None
