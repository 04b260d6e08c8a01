"""`evaluate: { mode: loose }`: the same definition as one in the strict mode.

In the loose mode any text is an expression, and one whose evaluation fails is its value as it
stands. So each text that is jq, and reads what is there, becomes `${ try (text) catch "text" }`;
any other is left alone. That is done once, when the definition is published: what runs is strict.

A text that gives no value, or several, is none either: `10,20` may be a price, and its first half
is not what anybody wrote. Going beyond the budget is an error as ever. The bound is ours and says
nothing of the text; and what was an expression with little data must not become a text with much.

Texts that the language itself gives a meaning (`method`, `return`, the names of things) are no
expressions, unless they may be in the strict mode. Nor is a single word that one of our own
functions takes. Conditions, and what `from` and `as` hold, are expressions in both modes, and
fail as always: a text in their place would be true.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from foundation.json import JsonObject
from workflows.definition.checks.expression_fields import ExpressionField, expression_fields
from workflows.definition.checks.fields import FieldKey
from workflows.definition.checks.forms import URIS
from workflows.definition.checks.subject import Subject, texts
from workflows.definition.findings import Path
from workflows.definition.functions import CATALOG
from workflows.definition.models import (
    A2aArguments,
    BasicAuthentication,
    BearerAuthentication,
    CallFunction,
    Definition,
    DigestAuthentication,
    ErrorSpec,
    McpArguments,
    ScriptSpec,
    SetTask,
    TimeoutSpec,
    WaitTask,
)
from workflows.definition.models.run import ContainerSpec, ShellSpec
from workflows.definition.pruning import Pruned, replaced
from workflows.expressions import SECRET, Expression, compile_expression, has_expressions

# Fields of the language in which an expression can stand; what is not a field of the language is
# the author's own data, in which one can stand anywhere.
_TEXTS: Final[frozenset[FieldKey]] = URIS | {
    (A2aArguments, "parameters"),
    (BasicAuthentication, "username"),
    (BasicAuthentication, "password"),
    (BearerAuthentication, "token"),
    (ContainerSpec, "arguments"),
    (ContainerSpec, "command"),
    (ContainerSpec, "stdin"),
    (DigestAuthentication, "username"),
    (DigestAuthentication, "password"),
    (ErrorSpec, "type"),
    (ErrorSpec, "instance"),
    (ErrorSpec, "title"),
    (ErrorSpec, "detail"),
    (McpArguments, "parameters"),
    (ScriptSpec, "arguments"),
    (ScriptSpec, "stdin"),
    (SetTask, "set"),
    (ShellSpec, "command"),
    (ShellSpec, "arguments"),
    (ShellSpec, "stdin"),
    (TimeoutSpec, "after"),
    (WaitTask, "wait"),
}
_WORD: Final = re.compile(r"\w+")


def in_strict_mode(document: JsonObject, definition: Definition) -> JsonObject:
    """Write a definition as one of the strict mode.

    Args:
        definition: The document as models.
    """
    evaluate = definition.evaluate
    if evaluate.mode == "strict" or evaluate.language != "jq":
        return document
    subject = Subject(Pruned(document, document), definition)
    strict: Any = document
    for path, found in _expressions(subject):
        strict = replaced(strict, path, _trying(found))
    written: Any = document["evaluate"]
    return {**strict, "evaluate": {**written, "mode": "strict"}}


def _expressions(subject: Subject) -> Iterator[tuple[Path, Expression]]:
    """Go through the texts that are expressions in the loose mode only."""
    keys = {field.path: field.key for field in subject.fields}
    own = [
        (*site.path, "with")
        for site in subject.sites
        if isinstance(site.task, CallFunction) and site.task.call in CATALOG
    ]
    for field in expression_fields(subject):
        for path, text in texts(field.value, field.path):
            # An item of a list of texts belongs to the field that is the list.
            key = keys.get(path) or keys.get(path[:-1] if isinstance(path[-1], int) else path)
            is_named = key is not None and key not in _TEXTS
            is_bare = field.bare and path == field.path
            is_word = _WORD.fullmatch(text) and any(path[: len(each)] == each for each in own)
            if is_named or is_bare or is_word:
                continue
            if (found := _expression(text, field)) is not None:
                yield path, found


def _expression(text: str, field: ExpressionField) -> Expression | None:
    """Return a text as what can be evaluated; `${ }` in it is, as in the strict mode."""
    if has_expressions(text) or not text.strip():
        return None
    try:
        found = compile_expression(text)
    except ValueError:
        return None
    return found if found.variables <= field.variables | SECRET else None


def _trying(found: Expression) -> str:
    source = found.source
    # A comment ends with its line.
    end = "\n" if "#" in source else ""
    tried = f"{source}{end}"
    if not found.single:
        # Two are enough to see that it is not one.
        tried = f"[limit(2; {tried})] | if length == 1 then .[0] else error end"
    return f"${{ try ({tried}) catch {json.dumps(source, ensure_ascii=False)} }}"
