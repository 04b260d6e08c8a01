"""What a document asks for, filled in with what was given: by name, checked, secrets apart."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from toolhub.errors import RegistrationError
from toolhub.importing.document import Input, Template
from toolhub.importing.types import InputInfo, State

_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_BOOLEAN: Final = ("true", "false")
_SHOWN: Final = 100


@dataclass(frozen=True)
class Place:
    """Where an input stands.

    Attributes:
        where: As it is shown.
        secret: All of it is hidden, whatever the document says of its parts.
        shown: It is shown and logged, so nothing of it may be a secret.
    """

    where: str
    secret: bool = False
    shown: bool = False


@dataclass
class Filling:
    """Fills inputs, and takes note of what is missing or wrong.

    Attributes:
        values: Given now.
        secrets: Given now, and hidden.
        kept: Given at the import before.
        held: Names of the headers, in lower case, that were secret then: they stay so.
    """

    values: Mapping[str, str | list[str]]
    secrets: Mapping[str, str]
    kept: Mapping[str, str | list[str]]
    held: frozenset[str] = frozenset()
    inputs: list[InputInfo] = field(default_factory=list)
    used: dict[str, str | list[str]] = field(default_factory=dict)
    _problems: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """Names of what has to be given still."""
        return list(dict.fromkeys(one.name for one in self.inputs if one.state is State.MISSING))

    def text(self, asked: Template, name: str, place: Place) -> str | None:
        """Return what an input is; None when it is left out, or missing."""
        found = self.texts(asked, name, place)
        return found[0] if found else None

    def texts(
        self, asked: Template, name: str, place: Place, *, several: bool = False
    ) -> list[str]:
        """Return what an input is, once or more often."""
        if asked.value is None:
            return self._asked(asked, name, place, required=asked.is_required, several=several)
        whole = self.with_variables(asked.value, asked.variables, place, required=asked.is_required)
        return [] if whole is None else [whole]

    def with_variables(
        self, text: str, variables: Mapping[str, Input], place: Place, *, required: bool
    ) -> str | None:
        """Fill the variables of a text; None when one of them has no value."""
        filled: dict[str, str | None] = {
            name: self._variable(variables[name], name, place, required=required)
            for name in dict.fromkeys(_VARIABLE.findall(text))
            if name in variables
        }
        known = {name: found for name, found in filled.items() if found is not None}
        if len(known) < len(filled):
            return None
        return _VARIABLE.sub(lambda each: known.get(each[1], each[0]), text)

    def is_given(self, where: str) -> bool:
        """Say whether anything at a place was given now."""
        return any(one.where == where and one.state is State.GIVEN for one in self.inputs)

    def keep(self, where: str) -> None:
        """Take note that the secrets at a place stay what they were."""
        self._restate(where, State.KEPT, {State.MISSING, State.LEFT_OUT, State.DEFAULT})

    def need(self, where: str) -> None:
        """Take note that what was left out at a place is missing after all."""
        self._restate(where, State.MISSING, {State.LEFT_OUT})

    def _restate(self, where: str, state: State, before: set[State]) -> None:
        self.inputs[:] = [
            one.model_copy(update={"state": state})
            if one.where == where and one.state in before
            else one
            for one in self.inputs
        ]

    def finish(self) -> None:
        """See that everything given was asked for, and is as it was asked for.

        Raises:
            RegistrationError: It is not.
        """
        asked = list(dict.fromkeys(one.name for one in self.inputs))
        for name in (*self.values, *self.secrets):
            if name not in asked:
                close = get_close_matches(name, asked, n=1)
                hint = f" Did you mean '{close[0]}'?" if close else ""
                there = f"It asks for: {', '.join(asked)}." if asked else "It asks for nothing."
                self._problems.append(
                    f"What is imported does not ask for '{name[:_SHOWN]}'.{hint} {there}"
                )
        if self._problems:
            raise RegistrationError(" ".join(dict.fromkeys(self._problems)))

    def _variable(self, asked: Input, name: str, place: Place, *, required: bool) -> str | None:
        if asked.value is not None:
            return asked.value
        found = self._asked(asked, name, place, required=required or asked.is_required)
        return found[0] if found else None

    def _asked(
        self, asked: Input, name: str, place: Place, *, required: bool, several: bool = False
    ) -> list[str]:
        if place.shown and name in self.secrets:
            self._problems.append(
                f"'{name}' is part of the {place.where}, which is shown: give it in 'values', and "
                "nothing secret."
            )
        secret = place.secret or asked.is_secret or name in self.secrets
        state, found = self._known(asked, name, secret=secret)
        if state is None:
            state = State.MISSING if required else State.LEFT_OUT
        wrong = _wrong(asked, name, found, secret=secret, several=several)
        if wrong and state is State.KEPT:
            state, found = (State.MISSING if required else State.LEFT_OUT), []
        elif wrong:
            self._problems.append(wrong)
        self.inputs.append(
            InputInfo(
                name=name,
                where=place.where,
                state=state,
                description=asked.description,
                required=required,
                secret=secret,
                format=asked.format,
                default=None if secret else asked.default,
                choices=[] if secret else asked.choices,
            )
        )
        if state in {State.GIVEN, State.KEPT} and not secret:
            self.used[name] = found if several else found[0]
        return found

    def _known(self, asked: Input, name: str, *, secret: bool) -> tuple[State | None, list[str]]:
        if secret and name in self.values:
            self._problems.append(
                f"'{name}' is a secret: give it in 'secrets', where it is kept encrypted, and not "
                "in 'values'."
            )
        if secret and name in self.secrets:
            return State.GIVEN, [self.secrets[name]]
        if not secret and name in self.values:
            return State.GIVEN, _as_list(self.values[name])
        if not secret and name in self.kept:
            return State.KEPT, _as_list(self.kept[name])
        if asked.default is not None:
            return State.DEFAULT, [asked.default]
        return None, []


def _as_list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _wrong(
    asked: Input, name: str, found: Sequence[str], *, secret: bool, several: bool
) -> str | None:
    """Say why what was given is not what was asked for; of a secret not what it is."""
    if len(found) != 1 and found and not several:
        return f"'{name}' takes one value and not {len(found)}."
    for value in found:
        shown = "What was given" if secret else f"'{value[:_SHOWN]}'"
        if asked.choices and value not in asked.choices:
            choices = "" if secret else f": {', '.join(asked.choices)[:1000]}"
            return f"{shown} is none of the choices of '{name}'{choices}."
        if asked.format == "number" and not _NUMBER.fullmatch(value):
            return f"{shown} is no number, which '{name}' has to be."
        if asked.format == "boolean" and value not in _BOOLEAN:
            return f"{shown} is neither 'true' nor 'false', which '{name}' has to be."
    return None
