"""The page behind a link: no script, nothing from elsewhere, everything in it escaped."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from api.decisions.forms import Field
from api.decisions.texts import TEXTS, Language
from foundation.json import JsonValue
from workflows.approvals.links.grant import Choice
from workflows.approvals.links.service import Opened

PATH: Final = "/decide"
_SHOWN_CHARS: Final = 20_000
# What makes text run backwards or hide: shown by its number, so that nobody approves what it hides.
_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1b1f24;background:#f6f7f9}"
    "main{max-width:42rem;margin:0 auto;padding:1.5rem;background:#fff}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem}th{text-align:left;padding-right:1rem}"
    ".text{white-space:pre-wrap}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f0f2f5;padding:.75rem}"
    "label,small{display:block}"
    "input:not([type=checkbox]),select,textarea{font:inherit;width:100%;box-sizing:border-box}"
    "button{font:inherit;padding:.6rem 1.4rem;margin-right:1rem;border:0;color:#fff}"
    ".approve{background:#1a7f37}.reject{background:#b42318}"
)
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def visible(text: str) -> str:
    """Show what could not be seen."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("api.decisions", "."),
        autoescape=True,
        undefined=StrictUndefined,
    )
    made.filters["visible"] = visible
    return made


_PAGE: Final = _environment().get_template("page.html")


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody is asked.

    Attributes:
        choices: What can be decided here.
        fields: Of the form.
        elsewhere: The form has to be filled in elsewhere.
        sent: What was filled in before.
        wrong: Why that could not be taken.
    """

    token: str
    opened: Opened
    choices: Sequence[Choice]
    fields: Sequence[Field]
    elsewhere: bool
    sent: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""

    def page(self, language: Language) -> HTMLResponse:
        """Show it."""
        say, approval = TEXTS[language], self.opened.approval
        data, cut = _spelled(approval.data)
        filled = {each.key: each.default for each in self.fields if each.default}
        other = "en" if language == "ko" else "ko"
        return _rendered(
            HTTPStatus.UNPROCESSABLE_ENTITY if self.wrong else HTTPStatus.OK,
            language,
            heading=approval.title,
            message=say["wrong"] if self.wrong else say["asked"],
            detail=self.wrong,
            approval=approval,
            person=self.opened.person.email,
            approvals=sum(vote.approves for vote in approval.votes),
            data=data,
            cut=cut,
            action=PATH,
            token=self.token,
            fields=self.fields,
            sent=self.sent or filled,
            elsewhere=self.elsewhere,
            choices=self.choices,
            other=f"{PATH}?{urlencode({'link': self.token, 'lang': other})}",
        )


def told(
    language: Language,
    status: int,
    *,
    heading: str,
    message: str,
    detail: str = "",
) -> HTMLResponse:
    """Show a page that asks nothing."""
    return _rendered(
        status,
        language,
        heading=heading,
        message=message,
        detail=detail,
        approval=None,
        other=None,
    )


def _rendered(status: int, language: Language, **values: object) -> HTMLResponse:
    text = _PAGE.render(
        language=language,
        say=TEXTS[language],
        style=_STYLE,
        **values,
    )
    return HTMLResponse(text, status, headers=dict(_HEADERS))


def _spelled(data: JsonValue) -> tuple[str, bool]:
    text = json.dumps(data, ensure_ascii=False, indent=2)
    return text[:_SHOWN_CHARS], len(text) > _SHOWN_CHARS
