"""What a tool asks back, as the error tells it."""

import pytest

from foundation.json import JsonObject, JsonValue
from toolhub import failures
from toolhub.outcome import classify
from toolhub.questions import described
from toolhub.wire.exchange import Destination, Exchange

FORM: JsonObject = {
    "message": "Which line?",
    "requestedSchema": {"type": "object", "properties": {"line": {}, "shift": {}}},
}


def asking(*requests: JsonValue) -> JsonObject:
    named: JsonObject = {f"q{number}": each for number, each in enumerate(requests)}
    return {"resultType": "input_required", "requestState": "s", "inputRequests": named}


def elicitation(**params: JsonValue) -> JsonObject:
    return {"method": "elicitation/create", "params": params}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (elicitation(**FORM), '"Which line?" (line, shift)'),
        (elicitation(message="Go on?"), '"Go on?"'),
        (
            elicitation(message="Sign in", mode="url", url="https://kim:pw@bank.example/x?t=1"),
            '"Sign in" (on a page of bank.example)',
        ),
        (
            elicitation(message="Sign in", mode="url", url="https://[bank"),
            '"Sign in" (on a page of no host)',
        ),
        (
            {"method": "sampling/createMessage", "params": {}},
            "what a language model writes (sampling/createMessage)",
        ),
        ({"method": "roots/list"}, "the folders it may work in (roots/list)"),
        (elicitation(message=7, requestedSchema=[]), "something without words"),
        ({"method": "tea/make"}, "something that MCP does not know"),
        ("line", "something that MCP does not know"),
    ],
)
def test_a_question_is_told_in_the_words_of_its_server(request_: JsonValue, words: str) -> None:
    assert described(asking(request_)) == words


def test_of_many_questions_and_fields_only_some_are_told() -> None:
    fields: JsonObject = {f"f{number}": {} for number in range(12)}
    many = elicitation(message="All?", requestedSchema={"properties": fields})
    told = described(asking(many, *[elicitation(message="Why?")] * 4))
    assert told.startswith('"All?" (f0, f1, f2,')
    assert told.endswith('f9, 2 more); "Why?"; "Why?"; 2 more')


@pytest.mark.parametrize("found", [None, {}, {"inputRequests": []}, {"inputRequests": {}}])
def test_a_server_that_names_no_question_is_told_of_without(found: JsonObject | None) -> None:
    assert described(found) == ""


def test_an_error_tells_what_was_asked_on_one_short_line_without_our_credential() -> None:
    to = Destination(
        tenant_id="press",
        label="cell",
        endpoint="https://cell.example",
        headers={"authorization": "Bearer t0p-s3cret"},
    )
    message = "Is it\n\u202et0p-s3cret?" + "x" * 9_000
    exchange = Exchange(result=asking(elicitation(message=message)), requested=True)
    attempt = failures.Attempt(to, "the tool 'weld'", 5.0, repeatable=False)
    error = failures.failure(attempt, classify(exchange, repeatable=False), exchange)
    assert not error.retryable
    assert (
        'asks a question back, which cannot be answered here: "Is it ?[redacted]?xxx'
        in error.message
    )
    assert error.message.endswith("Give it all it needs in its arguments.")
    assert len(error.message) < 1_000
