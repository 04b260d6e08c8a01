"""`try`: run tasks; when one faults and the fault is ours to catch, go on in `catch`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from foundation.json import JsonValue
from workflows.definition import TryTask
from workflows.expressions import Expression, Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault, canonical_type
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step, run_steps


@dataclass(frozen=True, slots=True)
class Try:
    """Run `steps`; `catch` what matches, or let it pass."""

    steps: Sequence[Step]
    filters: Mapping[str, Template]
    name: str
    when: Expression | None
    except_when: Expression | None
    catch: Sequence[Step]
    then: str | None

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        try:
            return Outcome(await run_steps(self.steps, value, frame.scope))
        except Fault as fault:
            variables: dict[str, JsonValue] = {self.name: fault.error}
            if not self._catches(fault, value, frame, variables):
                raise
        if self.catch:
            value = await run_steps(self.catch, value, frame.scope.with_variables(variables))
        return Outcome(value, self.then)

    def _catches(
        self, fault: Fault, value: JsonValue, frame: Frame, variables: Mapping[str, JsonValue]
    ) -> bool:
        for key, template in self.filters.items():
            if not _same(key, fault.error.get(key), frame.evaluate(template, value)):
                return False
        if self.when is not None and not frame.holds(self.when, value, variables):
            return False
        return self.except_when is None or not frame.holds(self.except_when, value, variables)


def _same(key: str, found: JsonValue, wanted: JsonValue) -> bool:
    if key == "type" and isinstance(found, str) and isinstance(wanted, str):
        return canonical_type(found) == canonical_type(wanted)
    return found == wanted


def compile_try(task: TryTask, place: Place) -> Try:
    """Compile a `try` task."""
    catch = task.catch
    filters = catch.errors.with_ if catch.errors is not None else None
    return Try(
        steps=place.steps(task.try_, "try"),
        filters={key: place.template(value) for key, value in (filters or {}).items()},
        name=catch.as_,
        when=place.condition(catch.when) if catch.when else None,
        except_when=place.condition(catch.except_when) if catch.except_when else None,
        catch=place.steps(catch.do, "catch", "do") if catch.do is not None else (),
        then=catch.then,
    )
