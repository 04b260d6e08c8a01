"""Which events a listening task means, and what it learns from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from activities.events.types import Interest
from foundation.json import JsonObject, JsonValue
from workflows.definition import EventFilter
from workflows.expressions import Expression, ExpressionError, Template
from workflows.interpreter.compiling import Place, dumped
from workflows.interpreter.run import Frame
from workflows.matching import Members, compile_members, expression_of, key_of


@dataclass(frozen=True, slots=True)
class Correlation:
    """What of an event has to be equal to what the run expects, or to what came first.

    Attributes:
        extract: Finds it in the event.
        source: The same as text.
        expect: What it has to be; None: what the first event with this correlation says.
    """

    name: str
    extract: Expression
    source: str
    expect: Template | None


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    Attributes:
        attributes: As written.
        version: What the expressions mean.
    """

    members: Members
    attributes: JsonObject
    correlations: Sequence[Correlation]
    version: str

    def expected(self, value: JsonValue, frame: Frame) -> JsonObject:
        """Compute what the run expects, by the correlation; once, when it begins to listen.

        Raises:
            Fault: When an expression fails.
        """
        return {
            each.name: frame.evaluate(each.expect, value)
            for each in self.correlations
            if each.expect is not None
        }

    def fixed(self) -> JsonObject:
        """Compute what is expected whatever the run: of filters whose expectations read nothing.

        Raises:
            ExpressionError: When an expression fails.
        """
        return {
            each.name: each.expect.evaluate(None, {})
            for each in self.correlations
            if each.expect is not None
        }

    def interest(self, expected: Mapping[str, JsonValue]) -> Interest:
        """Return what can be decided without the run."""
        known = [
            each
            for each in self.correlations
            if each.name in expected and not each.extract.variables
        ]
        return Interest(
            shape={
                "with": {
                    name: self.attributes[name]
                    for name, pattern in self.members.members.items()
                    if pattern.closed
                },
                "from": [each.source for each in known],
                "version": self.version,
            },
            key=[expected[each.name] for each in known],
        )

    def learned(
        self, event: JsonObject, expected: Mapping[str, JsonValue], frame: Frame
    ) -> JsonObject | None:
        """Return what an event says of the correlations; None when it is not meant.

        An expression that fails is about an event of another kind: that one is not meant.
        """
        now = {"context": frame.run.context}

        def evaluate(
            what: Expression | Template, value: JsonValue, more: Mapping[str, JsonValue]
        ) -> JsonValue:
            return frame.tried(what, value, {**now, **more})

        if not self.members.holds(event, evaluate):
            return None
        found: JsonObject = {}
        for each in self.correlations:
            try:
                value = evaluate(each.extract, event, {})
            except ExpressionError:
                return None
            wanted = expected.get(each.name, found.get(each.name))
            if value is None or (wanted is not None and key_of([wanted]) != key_of([value])):
                return None
            found[each.name] = value
        return found

    @staticmethod
    def anything(version: str) -> Interest:
        """Return the interest in every event."""
        return Interest(shape={"with": {}, "from": [], "version": version}, key=[])


def compile_filter(given: EventFilter, place: Place) -> Filter:
    """Compile one filter."""
    attributes: JsonObject = dict(dumped(given.with_))
    return Filter(
        members=compile_members(attributes, place.unit.version),
        attributes=attributes,
        correlations=[
            Correlation(
                name=name,
                extract=place.condition(each.from_),
                source=expression_of(each.from_),
                expect=place.template(each.expect) if each.expect is not None else None,
            )
            for name, each in (given.correlate or {}).items()
        ],
        version=place.unit.version.name,
    )
