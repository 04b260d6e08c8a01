"""A link in a mail: GET shows what is to be decided and changes nothing, POST decides.

Programs that read mails open every link in them; none of them may decide by that. The link is its
own proof of who is asking, so there is no cookie that another page could make use of.
"""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from api.decisions.forms import fields, filled, needs_no_form
from api.decisions.page import PATH, Question, told
from api.decisions.texts import TEXTS, Language, language_of
from api.dependencies import ServicesDep
from api.services import Services
from foundation.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    MillwrightError,
    NotFoundError,
    UnavailableError,
)
from foundation.json import JsonValue
from workflows.approvals.links.grant import CHOICES, Choice
from workflows.approvals.links.service import LinkError, Opened

router = APIRouter(include_in_schema=False)

_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FIELDS: Final = 100
_MAX_COMMENT: Final = 2_000
_STATUS: Final[Mapping[str, int]] = {
    "unknown": HTTPStatus.NOT_FOUND,
    "busy": HTTPStatus.CONFLICT,
    "forbidden": HTTPStatus.FORBIDDEN,
}

Token = Annotated[str, Query(alias="link")]


@router.get(PATH)
async def show_decision(
    request: Request, parts: ServicesDep, token: Token = "", lang: str | None = None
) -> HTMLResponse:
    """Show what a link is for."""
    language = _language(request, lang)
    try:
        opened = await parts.links.open(token)
    except (LinkError, UnavailableError) as error:
        return _refused(request, parts, language, error)
    question = _question(token, opened, {})
    return _closed(language, opened) if question is None else question.page(language)


async def _sent(request: Request) -> dict[str, str]:
    """Read what a form sends; nothing when it is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        return {}
    try:
        text = (await request.body()).decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return {}
    return {name: value.replace("\r\n", "\n") for name, value in pairs if "\0" not in value}


Sent = Annotated[dict[str, str], Depends(_sent)]


@router.post(PATH)
async def decide_by_link(request: Request, parts: ServicesDep, sent: Sent) -> HTMLResponse:
    """Decide."""
    language = _language(request, sent.get("lang"))
    # Browsers say where a form was; a form in a mail, or on another page, is none of ours.
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return _sorry(language, HTTPStatus.FORBIDDEN, "elsewhere")
    try:
        return await _answered(parts, language, sent)
    except (LinkError, ForbiddenError, NotFoundError, ConflictError, UnavailableError) as error:
        return _refused(request, parts, language, error)


async def _answered(parts: Services, language: Language, sent: Mapping[str, str]) -> HTMLResponse:
    token, choice = sent.get("link", ""), sent.get("decision")
    opened = await parts.links.open(token)
    question = _question(token, opened, sent)
    if question is None:
        return _closed(language, opened)
    chosen: Choice | None = next((each for each in CHOICES if each == choice), None)
    if chosen is None or chosen not in question.choices:
        return _again(language, question, TEXTS[language]["choose"])
    return await _decided(parts, language, question, chosen)


async def _decided(
    parts: Services, language: Language, question: Question, choice: Choice
) -> HTMLResponse:
    form: JsonValue = None
    # Whoever says no need not say more.
    if choice == "approve" and question.opened.approval.form is not None:
        form = filled(question.fields, question.sent)
    comment = question.sent.get("comment", "").strip() or None
    if comment is not None and len(comment) > _MAX_COMMENT:
        return _again(language, question, f"{TEXTS[language]['comment']}: > {_MAX_COMMENT}")
    try:
        after = await parts.links.decide(question.token, choice, form=form, comment=comment)
    except InvalidInputError as error:
        return _again(language, question, error.message)
    say = TEXTS[language]
    return told(
        language,
        HTTPStatus.OK,
        heading=after.approval.title,
        message=f"{say['done']} {say[f'said_{choice}']}",
        detail=f"{say['status']}: {say[after.approval.status]}",
    )


def _question(token: str, opened: Opened, sent: Mapping[str, str]) -> Question | None:
    """Return what can be decided here; None when nothing can (any more)."""
    approval = opened.approval
    if not approval.mine:
        return None
    asked = [] if approval.form is None else fields(approval.form)
    elsewhere = asked is None and not needs_no_form(approval.form)
    choices: list[Choice] = [each for each in opened.decisions if each == "reject" or not elsewhere]
    return Question(token, opened, choices, asked or [], elsewhere, sent)


def _again(language: Language, question: Question, why: str) -> HTMLResponse:
    return replace(question, wrong=why).page(language)


def _closed(language: Language, opened: Opened) -> HTMLResponse:
    say, approval = TEXTS[language], opened.approval
    is_open = approval.status == "PENDING"
    return told(
        language,
        HTTPStatus.FORBIDDEN if is_open else HTTPStatus.GONE,
        heading=say["sorry"],
        message=say["forbidden" if is_open else "closed"],
        detail="" if is_open else f"{say['status']}: {say[approval.status]}",
    )


def _refused(
    request: Request, parts: Services, language: Language, error: MillwrightError
) -> HTMLResponse:
    """Say on a page what went wrong, and what to do."""
    match error:
        case LinkError(trouble="unknown") if not parts.guesses.wrong(_address(request)):
            return _sorry(language, HTTPStatus.TOO_MANY_REQUESTS, "many")
        case LinkError(trouble=trouble):
            return _sorry(language, _STATUS.get(trouble, HTTPStatus.GONE), trouble)
        case UnavailableError():
            return _sorry(language, HTTPStatus.SERVICE_UNAVAILABLE, "away")
        case ConflictError():
            return _sorry(language, HTTPStatus.CONFLICT, "closed", error.message)
        case _:
            return _sorry(language, HTTPStatus.FORBIDDEN, "forbidden")


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _sorry(language: Language, status: int, why: str, detail: str = "") -> HTMLResponse:
    say = TEXTS[language]
    return told(language, status, heading=say["sorry"], message=say[why], detail=detail)


def _language(request: Request, chosen: str | None) -> Language:
    return language_of(chosen, request.headers.get("accept-language", ""))
