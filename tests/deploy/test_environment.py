import base64
from pathlib import Path

import pytest
from pydantic import SecretStr

from deploy.local.environment import as_environment, child_environment
from foundation.settings import (
    ApiSettings,
    EgressSettings,
    LocalSettings,
    SecuritySettings,
    Settings,
    SmtpSettings,
    TelemetrySettings,
    TemporalSettings,
)


def test_a_child_reads_exactly_the_settings_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given = Settings(
        _env_file=None,
        temporal=TemporalSettings(address="temporal:7233", tls=True, task_queue="plant-7"),
        api=ApiSettings(port=9090),
        security=SecuritySettings(master_key=SecretStr(base64.b64encode(b"k" * 32).decode())),
        egress=EgressSettings(
            allow_networks=["10.0.0.0/8"], host_map={"shop.example": "http://127.0.0.1:9"}
        ),
        smtp=SmtpSettings(
            host="mail", password=SecretStr("p"), allowed_domains=["*"], ca_file=Path("/etc/ca.pem")
        ),
        telemetry=TelemetrySettings(otlp_headers={"Authorization": SecretStr("Bearer k3y")}),
        local=LocalSettings(data_dir=Path("/srv/mill wright")),
    )
    for name, value in as_environment(given).items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None) == given


def test_a_setting_of_ours_that_the_child_shall_not_have_does_not_reach_it() -> None:
    ours = {"PATH": "/bin", "MILLWRIGHT_TEMPORAL_API_KEY": "old"}
    environment = child_environment(ours, Settings(_env_file=None))
    assert environment["PATH"] == "/bin"
    assert "MILLWRIGHT_TEMPORAL_API_KEY" not in environment
