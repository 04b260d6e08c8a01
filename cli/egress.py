"""`millwright egress`: which hosts the tenant's requests may go to."""

import argparse
import json
from dataclasses import asdict

from cli.connection import connected
from foundation.errors import InvalidInputError
from millwright_client import EgressRules, EgressVerdict, Millwright

OK = 0
FAILED = 1


def run(flags: argparse.Namespace) -> int:
    """Do what the verb says."""
    with connected(flags) as client:
        if flags.verb == "check":
            return _told(client.egress.check(flags.address), as_json=flags.json)
        rules = client.egress.get() if flags.verb == "show" else _changed(client, flags)
    print(json.dumps(asdict(rules), default=str) if flags.json else _shown(rules))
    return OK


def _changed(client: Millwright, flags: argparse.Namespace) -> EgressRules:
    now = client.egress.get()
    allow, deny = list(now.allow), list(now.deny)
    if flags.verb == "remove":
        return _without(client, now, flags.rule)
    (allow if flags.verb == "allow" else deny).extend(flags.rule)
    return client.egress.put(allow=allow, deny=deny, version=now.version)


def _without(client: Millwright, now: EgressRules, rules: list[str]) -> EgressRules:
    there = {*now.allow, *now.deny}
    if unknown := [rule for rule in rules if rule not in there]:
        raise InvalidInputError(
            f"There is no rule '{unknown[0]}'. There are: {', '.join(sorted(there)) or 'none'}."
        )
    allow = [rule for rule in now.allow if rule not in rules]
    if now.allow and not allow:
        raise InvalidInputError(
            "Without its last rule that allows something, everything would be allowed. If that is "
            "meant, allow everything first: millwright egress allow '*'."
        )
    deny = [rule for rule in now.deny if rule not in rules]
    return client.egress.put(allow=allow, deny=deny, version=now.version)


def _told(verdict: EgressVerdict, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(asdict(verdict)))
    else:
        print("allowed" if verdict.allowed else f"refused: {verdict.why}")
    return OK if verdict.allowed else FAILED


def _shown(rules: EgressRules) -> str:
    lines = [f"allow  {rule}" for rule in rules.allow] or ["allow  everything"]
    lines += [f"deny   {rule}" for rule in rules.deny]
    return "\n".join(lines)
