"""What a definition means, judged before it may run: one module per question, all answered."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from workflows.definition.checks.carrying import check_carrying
from workflows.definition.checks.durations import check_durations
from workflows.definition.checks.expressions import (
    check_expressions,
    check_language,
    check_plain_texts,
)
from workflows.definition.checks.flow import (
    check_endless_loops,
    check_forks,
    check_names,
    check_reachability,
    check_targets,
)
from workflows.definition.checks.foreign import check_distrusted, check_fetched, check_foreign
from workflows.definition.checks.forms import check_forms
from workflows.definition.checks.functions import check_calls, check_functions
from workflows.definition.checks.lifecycle import check_lifecycle
from workflows.definition.checks.limits import check_limits, check_tags
from workflows.definition.checks.locality import check_locality
from workflows.definition.checks.logins import check_logins
from workflows.definition.checks.names import check_header, check_variables
from workflows.definition.checks.paths import check_paths
from workflows.definition.checks.programs import check_programs
from workflows.definition.checks.protocols import check_protocols
from workflows.definition.checks.references import check_references, check_secret_names
from workflows.definition.checks.schedules import check_schedule
from workflows.definition.checks.schemas import check_schemas
from workflows.definition.checks.secrets import check_secrets
from workflows.definition.checks.subject import Check, Subject
from workflows.definition.checks.support import check_support
from workflows.definition.checks.texts import check_texts
from workflows.definition.checks.tools import check_tools
from workflows.definition.elsewhere.things import FrozenPart
from workflows.definition.findings import MAX_FINDINGS, Problem
from workflows.definition.models import Definition
from workflows.definition.off import NOTHING_OFF, Off
from workflows.definition.pruning import Pruned
from workflows.definition.tools import Tools

CHECKS: Final[tuple[Check, ...]] = (
    check_header,
    check_variables,
    check_names,
    check_targets,
    check_reachability,
    check_endless_loops,
    check_forks,
    check_language,
    check_expressions,
    check_plain_texts,
    check_paths,
    check_functions,
    check_calls,
    check_tools,
    check_references,
    check_foreign,
    check_distrusted,
    check_fetched,
    check_secret_names,
    check_schemas,
    check_secrets,
    check_texts,
    check_durations,
    check_forms,
    check_logins,
    check_protocols,
    check_locality,
    check_carrying,
    check_programs,
    check_limits,
    check_tags,
    check_schedule,
    check_lifecycle,
    check_support,
)


def check(
    pruned: Pruned,
    definition: Definition,
    off: Off = NOTHING_OFF,
    parts: Sequence[FrozenPart] = (),
    tools: Tools | None = None,
) -> Iterator[Problem]:
    """Ask everything; each question gives a bounded number of answers.

    Args:
        off: What the tenant may not use, and how that changes.
        parts: What of it was fetched from elsewhere.
        tools: What registered tools take.
    """
    subject = Subject(pruned, definition, off, parts, tools)
    for question in CHECKS:
        yield from islice(question(subject), MAX_FINDINGS)
