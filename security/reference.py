"""The page `docs/reference/permissions.md`, made of the table in the code.

Run `python -m security.reference` after changing the table; a test compares.
"""

from pathlib import Path
from typing import Final

from security.permissions import INCLUDES, PERMISSIONS, ROLES

PAGE: Final = Path(__file__).parents[1] / "docs" / "reference" / "permissions.md"

# From the one that may least to the one that may all.
_ORDER: Final = ("viewer", "analyst", "operator", "manager", "ai-engineer", "admin")
_INTRODUCTION: Final = """\
# Roles and permissions

A user has roles in one tenant; a role gives permissions there and nowhere else. Every route of the
API needs one permission, or is public. The access token carries roles and permissions; a request
may do what both the token and the roles of the running release give.

```
admin ── manager ── analyst ── viewer
  │         └────── operator
  └───── ai-engineer
```

This page is made of `security/permissions.py` by `python -m security.reference`.
"""


def permissions_page() -> str:
    """Write the page."""
    return "\n".join((_INTRODUCTION, *_permissions(), "", *_roles(), ""))


def _permissions() -> list[str]:
    rows = [
        f"| `{name}` | {purpose} | {' | '.join(_marks(name))} |"
        for name, purpose in PERMISSIONS.items()
    ]
    return [
        "## Who may do what",
        "",
        f"| permission | what for | {' | '.join(_ORDER)} |",
        f"|---|---|{':-:|' * len(_ORDER)}",
        *rows,
    ]


def _marks(permission: str) -> list[str]:
    return ["✓" if permission in ROLES[role] else "" for role in _ORDER]


def _roles() -> list[str]:
    rows = [
        f"| `{role}` | {', '.join(f'`{lower}`' for lower in INCLUDES[role])} |" for role in _ORDER
    ]
    return ["## Which role includes which", "", "| role | includes |", "|---|---|", *rows]


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(permissions_page())
