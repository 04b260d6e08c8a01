"""Every scenario for clients of the newest revision: what passes, passes; the rest is named.

`docs/reference/mcp-conformance.md` says why each of the others does not.
"""

from pathlib import Path

import pytest

from bench.report import Figure, save, show
from tests.mcp_conformance.suite import PACKAGE, REVISION, VERSION, requirements, run_suite
from tests.toolhub.conftest import _database, database, egress, parts, sealer
from toolhub.wiring import ToolhubParts

__all__ = ["_database", "database", "egress", "parts", "sealer"]

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]
DOC = Path(__file__).parents[2] / "docs" / "reference" / "mcp-conformance.md"
PASS = {
    "auth/client-credentials-basic",
    "auth/client-credentials-jwt",
    "http-custom-headers",
    "http-invalid-tool-headers",
    "http-standard-headers",
    "json-schema-2020-12-preservation",
    "json-schema-ref-no-deref",
    "request-metadata",
    "sep-2322-client-request-state",
    "tools_call",
}
# All that a person agrees to; the test is that person.
AGREED = {
    *(f"auth/metadata-{which}" for which in ("default", "var1", "var2", "var3")),
    *(f"auth/token-endpoint-auth-{way}" for way in ("basic", "post", "none")),
    *(f"auth/scope-from-{where}" for where in ("www-authenticate", "scopes-supported")),
    *(f"auth/scope-{what}" for what in ("omitted-when-undefined", "step-up", "retry-limit")),
    *(f"auth/offline-access-{what}" for what in ("scope", "not-supported")),
    *(f"auth/iss-{what}" for what in ("supported", "not-advertised", "supported-missing")),
    *(f"auth/iss-{what}" for what in ("wrong-issuer", "unexpected", "normalized")),
    "auth/metadata-issuer-mismatch",
    "auth/resource-mismatch",
    "auth/pre-registration",
    "auth/basic-cimd",
    "auth/authorization-server-migration",
}
# Tokens other than bearer tokens, or got in the name of others.
MISSING = "auth/dpop", "auth/enterprise", "auth/wif"


async def test_scenarios_pass_but_for_those_that_the_docs_name(
    parts: ToolhubParts, tmp_path: Path
) -> None:
    wanted = requirements()
    verdicts = await run_suite(parts, tmp_path)
    assert set(verdicts) == {*wanted.scored, *wanted.unscored}
    passed = {name for name, verdict in verdicts.items() if verdict.passed}
    failed = {name: each.failures for name, each in verdicts.items() if name not in passed}
    assert passed == PASS | AGREED, failed
    assert all(name.startswith(MISSING) for name in failed)
    page = DOC.read_text(encoding="utf-8")
    assert [name for name in verdicts if f"`{name}`" not in page] == []
    scored = passed.intersection(wanted.scored)
    figures = [
        Figure("scored scenarios passed", len(scored), "", "<=", len(wanted.scored)),
        Figure(
            "scored scenarios failed",
            len(wanted.scored) - len(scored),
            "",
        ),
        Figure("unscored scenarios passed", len(passed) - len(scored), ""),
        Figure("unscored scenarios", len(wanted.unscored), ""),
        Figure("checks passed", sum(each.checks["SUCCESS"] for each in verdicts.values()), ""),
    ]
    show("MCP conformance", figures)
    how: dict[str, object] = {
        "suite": f"{PACKAGE} {VERSION}",
        "revision": REVISION,
        "passed": sorted(passed),
        "failed": sorted(failed),
    }
    save("conformance-mcp", figures, how)
