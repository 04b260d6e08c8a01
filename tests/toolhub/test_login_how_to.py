"""What the guide shows is accepted."""

import json
import re
from pathlib import Path
from typing import get_args

from toolhub.errors import (
    AuthorityDownError,
    CallForbiddenError,
    CredentialRefusedError,
    NoTokenError,
)
from toolhub.schemas import ClientCredential, CredentialInfo, PersonCredential, ServerRegistration

PAGE = (Path(__file__).parents[2] / "docs/how-to/log-in-at-mcp-servers.md").read_text()


def test_what_the_guide_registers_is_a_server() -> None:
    shown = re.findall(r"-d '(\{.+?\n\})'", PAGE, re.DOTALL)
    given = [ServerRegistration.model_validate(json.loads(each)).credential for each in shown]
    assert list(map(type, given)) == [ClientCredential, PersonCredential]


def test_the_guide_knows_all_kinds_of_credentials_and_all_errors() -> None:
    kinds = get_args(CredentialInfo.model_fields["kind"].annotation)
    assert [kind for kind in kinds if f"| `{kind}` |" not in PAGE] == []
    errors = AuthorityDownError, CallForbiddenError, CredentialRefusedError, NoTokenError
    assert [each.code for each in errors if f"| `{each.code}` | `{each.kind}` |" not in PAGE] == []
