"""Settings, read once at the top of a process and passed down as a value.

Every field is set by `MILLWRIGHT_<GROUP>_<FIELD>`, for example `MILLWRIGHT_TEMPORAL_ADDRESS` or
`MILLWRIGHT_DATABASE_URL`. A file `.env` in the working folder is read too.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseModel, frozen=True):
    """PostgreSQL of our own tables."""

    url: SecretStr = SecretStr("postgresql+psycopg://millwright@127.0.0.1:5432/millwright")
    pool_size: int = 10
    max_overflow: int = 20
    pool_timeout_s: float = 30.0
    pool_recycle_s: int = 3600


class TemporalSettings(BaseModel, frozen=True):
    """Where durable state lives."""

    address: str = "127.0.0.1:7233"
    namespace: str = "default"
    task_queue: str = "millwright"
    api_key: SecretStr | None = None
    tls: bool = False
    # Base address of the Temporal Web UI, used for links only.
    ui_url: str = "http://127.0.0.1:8233"


class RedisSettings(BaseModel, frozen=True):
    """What all replicas share and can be counted anew; without url each process counts alone."""

    # redis://, rediss:// (TLS) or unix://, with user and password if it asks for them.
    url: SecretStr | None = None
    # Whoever waits longer is better served by what the process knows itself.
    timeout_s: float = Field(default=1.0, gt=0)
    # While it is away one call in so many seconds tries it again.
    again_s: float = Field(default=1.0, gt=0)
    # One per question that is under way, which are no more than calls are.
    max_connections: int = Field(default=1000, ge=1)


class BlobSettings(BaseModel, frozen=True):
    """Where payloads are kept that are too large for Temporal's history."""

    store: Literal["folder", "s3"] = "folder"
    # All processes must see the same one.
    folder: Path = Path(".millwright/blobs")
    bucket: str = ""
    prefix: str = ""
    # Of a server that speaks S3; Amazon's own when left out. So are region and credentials: then
    # boto3 finds them where the machine has them.
    endpoint: str | None = None
    region: str | None = None
    access_key: SecretStr | None = None
    secret_key: SecretStr | None = None
    connect_timeout_s: float = 3.0
    timeout_s: float = 20.0
    # Nothing younger is swept. Must be more than Temporal keeps ended runs.
    keep_days: int = Field(default=30, ge=2)


class ApiSettings(BaseModel, frozen=True):
    """The HTTP front door."""

    host: str = "127.0.0.1"
    port: int = 8080
    # The input of an instance has to fit, see docs/how-to/large-payloads.md.
    max_body_bytes: int = 4 * 1024 * 1024
    # Where people reach it, for links in mails: "https://millwright.plant.example". Without it
    # there are no such links, but on one machine, where it is the address above.
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$")
    # So long a workflow that is called as an MCP tool may take before the answer is a task.
    mcp_wait_s: float = Field(default=10.0, ge=0, le=30, allow_inf_nan=False)


class AuthSettings(BaseModel, frozen=True):
    """Tokens we issue and accept."""

    issuer: str = "millwright"
    audience: str = "millwright-api"
    access_ttl_s: int = 900
    refresh_ttl_s: int = 14 * 24 * 3600


class SecuritySettings(BaseModel, frozen=True):
    """Keys for what is stored encrypted."""

    # 32 bytes, base64. Seals credentials and signing keys in the database.
    master_key: SecretStr | None = None


class EgressSettings(BaseModel, frozen=True):
    """Where this installation may send requests on a definition's behalf."""

    # Networks (CIDR) that are not public and still allowed, for example a plant's own servers.
    allow_networks: list[str] = Field(default_factory=list)
    # The same for single tenants, beside what all may reach: {"press": ["10.20.30.0/24"]}.
    tenant_networks: dict[str, list[str]] = Field(default_factory=dict)
    # Rules about hosts, for all tenants: nothing but these, nothing of these (`*.example.com`).
    allow_hosts: list[str] = Field(default_factory=list)
    deny_hosts: list[str] = Field(default_factory=list)
    # Tests serve public hosts from a local stub: "petstore.swagger.io" -> "http://127.0.0.1:9001".
    host_map: dict[str, str] = Field(default_factory=dict)
    # A run can hold up to 7.5 MB of one answer; a worker holds as many as it has activities.
    max_response_bytes: int = 1024 * 1024
    connect_timeout_s: float = 5.0
    timeout_s: float = 30.0


class McpSettings(BaseModel, frozen=True):
    """What keeps one MCP server from harming the rest; a registration may have other numbers."""

    # The breaker looks at the last calls, and at no fewer than the least; it opens when MORE than
    # a share of them failed, or took longer than is slow (left out: none is).
    breaker_window: int = Field(default=10, ge=1, le=1000)
    breaker_min_calls: int = Field(default=10, ge=1, le=1000)
    breaker_failure_percent: float = Field(default=50.0, ge=0, le=100, allow_inf_nan=False)
    breaker_slow_s: float | None = Field(default=None, gt=0, le=3600, allow_inf_nan=False)
    breaker_slow_percent: float = Field(default=50.0, ge=0, le=100, allow_inf_nan=False)
    # Then nothing is sent for so long, and after that one call at a time, until one succeeds.
    breaker_open_s: float = Field(default=30.0, ge=0.1, le=3600, allow_inf_nan=False)
    # A tool that ran and says that it failed is no sign that its server is ill.
    breaker_counts_tool_failures: bool = False
    # Calls under way in one process, and how many more may wait, and how long. As many as a worker
    # has activities, so that only a smaller number holds anything back.
    max_concurrent: int = Field(default=100, ge=1, le=10_000)
    max_waiting: int = Field(default=100, ge=0, le=10_000)
    max_wait_s: float = Field(default=10.0, ge=0, le=600, allow_inf_nan=False)
    # Over all processes; left out: as many as there are. A burst may go at once.
    rate_per_minute: float | None = Field(default=None, gt=0, le=6_000_000, allow_inf_nan=False)
    rate_burst: int = Field(default=10, ge=1, le=100_000)
    # The largest answer that is read; left out: as everywhere (`EgressSettings`). A run holds up to
    # 7.5 MB of one; callers of the API get all of it. Negotiating has to fit, too.
    max_response_bytes: int | None = Field(default=None, ge=16 * 1024, le=16 * 1024 * 1024)


class ToolhubSettings(BaseModel, frozen=True):
    """What is done about MCP servers beside calling them."""

    # Servers are asked again for their tools: as often as their lists say, but no more often than
    # the least, and those whose lists say nothing after so long.
    refresh_every_s: float = Field(default=300.0, ge=1, le=86_400, allow_inf_nan=False)
    refresh_least_s: float = Field(default=60.0, ge=1, le=86_400, allow_inf_nan=False)
    # They are asked whether they are there so often.
    check_every_s: float = Field(default=60.0, ge=1, le=86_400, allow_inf_nan=False)
    # The log of calls is kept for so long.
    keep_calls_days: float = Field(default=30.0, gt=0, le=36_500, allow_inf_nan=False)
    # Attempts of a call that must not run twice, and calls with one idempotency key, are recognised
    # for so long.
    keep_ledger_days: float = Field(default=30.0, ge=1, le=36_500, allow_inf_nan=False)


class StdioCommand(BaseModel, frozen=True, extra="forbid"):
    """A program that may be started as an MCP server.

    Attributes:
        argv: The program and its fixed arguments.
        tenants: Who may register it; "*" stands for all.
        arguments: Patterns (RE2) of what a registration may add: each of its arguments has to match
            one of them completely. Without patterns it may add none.
        environment: Variables of its own. It gets none of ours.
        secrets: Variables that are hidden in what comes back, too.
        folder: Where it starts.
        processes: How many of it, for one registration, in one process of ours; each has one call
            at a time. 1 for one that must not run twice at the same time.
        packages: What it runs, so that a `server.json` finds it: `pypi:mcp-server-time`, or one
            version of it alone, `npm:@example/press@1.2.0`.
    """

    argv: list[str] = Field(min_length=1)
    tenants: list[str]
    arguments: list[str] = Field(default_factory=list)
    environment: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, SecretStr] = Field(default_factory=dict)
    folder: Path = Path("/")
    processes: int = Field(default=4, ge=1, le=100)
    packages: list[str] = Field(default_factory=list)


class StdioSettings(BaseModel, frozen=True):
    """MCP servers that are programs on this machine; without commands there are none."""

    # What registrations may name: the same for the API and all workers.
    commands: dict[str, StdioCommand] = Field(default_factory=dict)
    # Of all tenants, in one process of ours.
    max_processes: int = Field(default=32, ge=1, le=10_000)
    # Of one tenant, in one process of ours: so none of them keeps all others waiting.
    max_per_tenant: int = Field(default=16, ge=1, le=10_000)
    # From the start to the first answer.
    start_s: float = Field(default=20.0, gt=0, le=600, allow_inf_nan=False)
    # One that is not used is ended after so long, one that is used makes room for a fresh one.
    idle_s: float = Field(default=300.0, gt=0, le=86_400, allow_inf_nan=False)
    max_age_s: float = Field(default=3600.0, gt=0, le=604_800, allow_inf_nan=False)


class SmtpSettings(BaseModel, frozen=True):
    """The server that takes the mails of `call: notify`; without host there are none."""

    host: str | None = None
    port: int = 587
    # STARTTLS is demanded, not hoped for. "none" is for a relay on the same machine.
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None
    # Whom mails come from.
    from_address: str | None = None
    # Domains that mails may go to; "*" stands for all.
    allowed_domains: list[str] = Field(default_factory=list)
    # Certificates to trust instead of the system's, for a plant that has its own authority.
    ca_file: Path | None = None


class WorkerSettings(BaseModel, frozen=True):
    """How much one worker process takes on."""

    max_activities: int = 100
    max_workflow_tasks: int = 100
    # Runs kept in memory between their tasks; others are read again from their histories. It is
    # what bounds the memory of a worker, however many instances wait.
    max_cached_runs: int = Field(default=1_000, ge=1)
    # Calls of all tenants stand in one queue and take turns. Without it a call may begin at once on
    # the worker that asked for it, past those that wait: half the latency of a call, and good
    # enough for one tenant. Left out: in production.
    fair: bool | None = None
    graceful_shutdown_s: float = 10.0


class EventSettings(BaseModel, frozen=True):
    """Events that come in and events between runs."""

    # An event waits so long for a listener that comes after it.
    keep_s: float = Field(default=300.0, ge=0)
    # The same source and id is the same event for so long, at least as long as it is kept.
    remember_s: float = Field(default=24 * 3600.0, ge=0)


class ApprovalSettings(BaseModel, frozen=True):
    """Decisions by people."""

    # A link that decides without logging in is good for so long, and never beyond the approval.
    link_ttl_s: float = Field(default=7 * 86_400, gt=0, le=30 * 86_400)


class MqttSettings(BaseModel, frozen=True):
    """The broker that gets what instances emit, as other instances do; without host there is none.

    An event goes to the topic `<prefix>/<tenant>/events/<type>`.
    """

    host: str | None = None
    port: int = Field(default=8883, ge=1, le=65535)
    # "none" is for a broker on the same machine.
    tls: Literal["tls", "none"] = "tls"
    # With "5" attributes are user properties and the data is the payload (binary mode); 3.1.1 has
    # no properties, and the payload is the whole event (structured mode).
    version: Literal["5", "3.1.1"] = "5"
    user: str | None = None
    password: SecretStr | None = None
    prefix: str = Field(default="millwright", pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$")
    # Certificates to trust instead of the system's, for a plant that has its own authority.
    ca_file: Path | None = None
    # An event that could not be sent for so long is given up, and the log says so.
    keep_s: float = Field(default=7 * 24 * 3600.0, gt=0)


class ProgramSettings(BaseModel, frozen=True):
    """The most that one program (`run`) may take, with all that it starts."""

    # Each takes up to a processor and its memory.
    max_concurrent: int = Field(default=2, ge=1)
    max_time_s: float = Field(default=600.0, gt=0)
    max_cpu_s: int = Field(default=120, ge=1)
    memory_mb: int = Field(default=256, ge=64)
    max_processes: int = Field(default=32, ge=2)
    disk_mb: int = Field(default=64, ge=1)
    # Of standard output, and as much again of standard error; they go into the history.
    max_output_bytes: int = Field(default=256 * 1024, ge=1024, le=512 * 1024)
    # Of containers; `millwright images` puts them there. Without it no container is run.
    images: Path | None = None


class LocalSettings(BaseModel, frozen=True):
    """The stack on one machine; of no meaning to a server that runs elsewhere."""

    # Everything it keeps: database, runs, keys, logs. Delete it to start over.
    data_dir: Path = Path(".millwright")
    # Of the servers it starts; a Temporal named by MILLWRIGHT_TEMPORAL_ADDRESS is used instead.
    temporal_port: int = 7233
    ui_port: int = 8233
    excel_port: int = 9108


class LogSettings(BaseModel, frozen=True):
    """Structured logs on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class TelemetrySettings(BaseModel, frozen=True):
    """Spans and metrics; without a place to send them there are none."""

    # Base address of a collector that takes OTLP over HTTP: "http://collector:4318". It gets spans
    # and, once a minute, metrics.
    otlp_endpoint: str | None = Field(default=None, pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$")
    # Sent along, for one that wants a key. JSON: {"Authorization": "Bearer ..."}.
    otlp_headers: dict[str, SecretStr] = Field(default_factory=dict)
    # Of the traces that begin here, so many are sent.
    sample_ratio: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)
    # Prometheus fetches metrics there, without logging in. A port that is taken, by another process
    # with these settings, makes it the next one that is free.
    prometheus_port: int | None = Field(default=None, ge=1, le=65_000)
    prometheus_host: str = "127.0.0.1"
    # MCP servers of one process with metrics of their own; all others share theirs.
    max_servers: int = Field(default=200, ge=0, le=10_000)


class Settings(BaseSettings):
    """All settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix="MILLWRIGHT_",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_file=".env",
        extra="ignore",
        frozen=True,
    )

    # In production the stand-ins of one machine are refused.
    profile: Literal["local", "production"] = "local"
    database: DatabaseSettings = DatabaseSettings()
    temporal: TemporalSettings = TemporalSettings()
    redis: RedisSettings = RedisSettings()
    blobs: BlobSettings = BlobSettings()
    api: ApiSettings = ApiSettings()
    auth: AuthSettings = AuthSettings()
    security: SecuritySettings = SecuritySettings()
    egress: EgressSettings = EgressSettings()
    mcp: McpSettings = McpSettings()
    toolhub: ToolhubSettings = ToolhubSettings()
    stdio: StdioSettings = StdioSettings()
    smtp: SmtpSettings = SmtpSettings()
    worker: WorkerSettings = WorkerSettings()
    events: EventSettings = EventSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    mqtt: MqttSettings = MqttSettings()
    programs: ProgramSettings = ProgramSettings()
    local: LocalSettings = LocalSettings()
    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
