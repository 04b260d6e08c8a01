"""The examples and the conformance kit of the language, unmodified."""

import re
from pathlib import Path
from textwrap import dedent

import jsonschema_rs
import pytest

from foundation.json import JsonObject
from tests.shared_data import shared
from workflows.definition import (
    Code,
    InvalidDefinitionError,
    load_definition,
    load_document,
    prepare,
    validate,
)

ROOT = Path(__file__).parents[2]
OWS = shared("data/ows")
EXAMPLES = sorted((OWS / "examples").glob("*.yaml"))
FEATURES = sorted((OWS / "ctk/features").glob("*.feature"))

# What keeps an example from being published, besides what is not executed yet.
OTHER_ERRORS = {
    "authentication-oauth2.yaml": {Code.LITERAL_SECRET},
    "authentication-oidc.yaml": {Code.LITERAL_SECRET},
    "call-mcp.yaml": {Code.LITERAL_SECRET},
}
# Strings that look like expressions and are none; the examples mean them otherwise, too.
WARNED = {"conditional-task.yaml", "run-subflow.yaml", "try-catch-then.yaml"}
# What calls a function that is elsewhere; `tests/catalog` fetches and publishes it.
FETCHED = {"call-custom-function-cataloged.yaml"}
NOT_YET = re.compile(
    r"^\s+stdio:|protocol: ws$|pullPolicy: always$",
    re.MULTILINE,
)


def definitions_of(feature: Path) -> list[str]:
    found = re.findall(r'definition:\n\s*"""yaml\n(.*?)"""', feature.read_text(), re.DOTALL)
    return [dedent(text) for text in found]


KIT = [(path.stem, text) for path in FEATURES for text in definitions_of(path)]


@pytest.fixture(scope="module")
def upstream() -> jsonschema_rs.Validator:
    schema = load_document((OWS / "schema/workflow.yaml").read_text()).value
    assert isinstance(schema, dict)
    return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)


def document_of(text: str) -> JsonObject:
    value = load_document(text).value
    assert isinstance(value, dict)
    return value


def test_the_whole_kit_and_all_examples_are_here() -> None:
    assert (len(FEATURES), len(KIT), len(EXAMPLES)) == (11, 21, 68)


@pytest.mark.parametrize(("feature", "text"), KIT)
def test_a_definition_of_the_kit_can_be_published_as_it_is(feature: str, text: str) -> None:
    prepared = prepare(text)
    assert prepared.warnings == (), feature


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_can_be_published_or_says_rightly_why_not(path: Path) -> None:
    text = path.read_text()
    found = validate(text)
    errors = {each.code for each in found if each.is_error}
    expected = {Code.NOT_SUPPORTED_YET} if NOT_YET.search(text) else set()
    assert errors == expected | OTHER_ERRORS.get(path.name, set())
    warned = {Code.NOT_EVALUATED} if path.name in WARNED else set()
    fetched = {Code.NOT_FETCHED} if path.name in FETCHED else set()
    assert {each.code for each in found if not each.is_error} == warned | fetched


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_written_back_as_it_was_written(path: Path) -> None:
    document = document_of(path.read_text())
    assert load_definition(document).model_dump(by_alias=True) == document


@pytest.mark.parametrize(("feature", "text"), KIT)
def test_a_definition_of_the_kit_is_written_back_as_it_was_written(feature: str, text: str) -> None:
    document = document_of(text)
    assert load_definition(document).model_dump(by_alias=True, mode="json") == document, feature


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_findings_of_an_example_point_into_its_text(path: Path) -> None:
    lines = path.read_text().splitlines()
    for each in validate(path.read_text()):
        key = each.pointer.rpartition("/")[2]
        assert lines[each.line - 1][each.column - 1 :].startswith(key)


def test_these_five_examples_are_refused_each_for_its_reason_and_no_other() -> None:
    refused = {}
    for path in EXAMPLES:
        errors = [each for each in validate(path.read_text()) if each.is_error]
        if errors:
            refused[path.name] = {each.code: each.pointer.split("/", 4)[4] for each in errors}
    login = "with/endpoint/authentication"
    token = "with/transport/stdio/environment/SLACK_MCP_XOXP_TOKEN"
    assert refused == {
        "authentication-oauth2.yaml": {Code.LITERAL_SECRET: f"{login}/oauth2/client/secret"},
        "authentication-oidc.yaml": {Code.LITERAL_SECRET: f"{login}/oidc/client/secret"},
        "call-asyncapi-subscribe-consume-amount.yaml": {Code.NOT_SUPPORTED_YET: "with/protocol"},
        "call-mcp.yaml": {
            Code.NOT_SUPPORTED_YET: "with/transport/stdio/environment",
            Code.LITERAL_SECRET: token,
        },
        "run-container-with-pull-policy.yaml": {
            Code.NOT_SUPPORTED_YET: "run/container/pullPolicy",
        },
    }
    page = (ROOT / "docs/how-to/write-a-definition.md").read_text()
    rows = re.findall(r"^\| `([a-z0-9-]+\.yaml)` \| ([^|]+) \|", page, re.MULTILINE)
    assert {name: set(re.findall(r"[a-z-]+", codes)) for name, codes in rows} == {
        name: set(errors) for name, errors in refused.items()
    }


def test_what_we_accept_the_schema_of_the_language_accepts(
    upstream: jsonschema_rs.Validator,
) -> None:
    accepted = []
    for text in [*(path.read_text() for path in EXAMPLES), *(text for _, text in KIT)]:
        try:
            accepted.append(prepare(text).document)
        except InvalidDefinitionError:
            continue
    refused = [
        path
        for path in EXAMPLES
        if NOT_YET.search(path.read_text()) or path.name in OTHER_ERRORS.keys() | FETCHED
    ]
    assert len(accepted) == len(EXAMPLES) - len(refused) + len(KIT)
    assert len(refused) - len(FETCHED) == 5
    assert all(upstream.is_valid(document) for document in accepted)
