"""`try`: run tasks; when one faults and it is ours to catch, try again or go on in `catch`."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from temporalio import workflow

from foundation.json import JsonValue
from workflows.definition import TryTask
from workflows.expressions import Expression, Template
from workflows.interpreter.compiling import Place
from workflows.interpreter.faults import Fault, canonical_type
from workflows.interpreter.run import Frame
from workflows.interpreter.steps import Outcome, Step, run_steps
from workflows.interpreter.tasks.retry import Retry, compile_retry


@dataclass(frozen=True, slots=True)
class Try:
    """Run `steps`; `catch` what matches, or let it pass."""

    steps: Sequence[Step]
    filters: Mapping[str, Template]
    name: str
    when: Expression | None
    except_when: Expression | None
    retry: Retry | None
    catch: Sequence[Step]
    then: str | None

    async def execute(self, value: JsonValue, frame: Frame) -> Outcome:
        state = frame.state
        failed_at: str | None = None
        while "caught" not in state:
            attempt: int = state.setdefault("attempt", 1)
            state.setdefault("began", state["since"])
            try:
                if "pause" in state:
                    await frame.sleep(0.0, "pause")
                    attempt = state["attempt"] = attempt + 1
                    state["began"] = workflow.time()
                    frame.run.lifecycle.retried(frame.step.reference, frame.path, attempt)
                return Outcome(await self._attempt(attempt, value, frame))
            except Fault as fault:
                pause = self._caught(fault, attempt, value, frame)
                if pause is None:
                    state["caught"], failed_at = fault.error, fault.execution
                else:
                    state["pause"] = workflow.time() + pause
        if self.retry is not None and not self.catch and self.then is None:
            # Trying again was all there was to do about it.
            raise Fault(state["caught"], execution=failed_at)
        if self.catch:
            variables = {self.name: state["caught"]}
            scope = frame.inside(variables=variables)
            value = await run_steps(self.catch, value, scope, "catch/do")
        return Outcome(value, self.then)

    async def _attempt(self, attempt: int, value: JsonValue, frame: Frame) -> JsonValue:
        """Run the tasks once."""
        retried = True if self.retry is not None else None
        again = self.retry is not None and not self.retry.is_last(attempt)
        scope = frame.inside(f"!{attempt}" if attempt > 1 else "", retried=retried, again=again)
        steps = run_steps(self.steps, value, scope, "try")
        if self.retry is None or self.retry.attempt_duration is None:
            return await steps
        seconds = self.retry.attempt_duration.seconds(value, frame)
        began: float = frame.state["began"]
        left = began + seconds - workflow.time()
        bound = asyncio.timeout(max(left, 0.0))
        try:
            async with bound:
                return await steps
        except TimeoutError:
            detail = f"Attempt {attempt} took longer than {seconds:g} s."
            raise Fault.of("timeout", "The attempt timed out", detail) from None
        finally:
            frame.looked_at(bound, "began")

    def _caught(self, fault: Fault, attempt: int, value: JsonValue, frame: Frame) -> float | None:
        """Decide about a fault: the seconds after which to try again, or None to go on.

        Raises:
            Fault: The same one, when it is not ours to catch.
        """
        variables: dict[str, JsonValue] = {self.name: fault.error}
        if not self._catches(fault, value, frame, variables):
            raise fault
        if self.retry is None or not self.retry.applies(value, frame, variables):
            return None
        return self.retry.pause(attempt, frame.state["since"], value, frame)

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
        retry=compile_retry(catch.retry, place),
        catch=place.steps(catch.do, "catch", "do") if catch.do is not None else (),
        then=catch.then,
    )
