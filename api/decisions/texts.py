"""What the page says, in the languages that it speaks."""

import re
from collections.abc import Mapping
from typing import Final, Literal

Language = Literal["ko", "en"]

TEXTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "asked": "Your decision is needed",
        "approve": "Approve",
        "reject": "Reject",
        "comment": "Comment",
        "optional": "optional",
        "data": "What is to be approved",
        "person": "You decide as",
        "instance": "Instance",
        "until": "Decide by",
        "quorum": "Approvals",
        "of": "of",
        "once": "This link works once, and for you alone. Do not pass it on.",
        "inbox_form": "This form cannot be filled in here. Log in and approve it in the inbox:",
        "cut": "The rest is not shown here. Log in to see all of it.",
        "done": "Thank you. Your decision has been taken.",
        "said_approve": "You have approved.",
        "said_reject": "You have rejected.",
        "status": "Status",
        "PENDING": "waits for others",
        "APPROVED": "approved",
        "REJECTED": "rejected",
        "DEFAULTED": "ended without a decision",
        "CANCELLED": "taken back",
        "sorry": "This link cannot be used",
        "unknown": "The link is not complete, or not one of ours. Open it from the mail again.",
        "expired": "The link has expired. Log in and decide in the inbox.",
        "used": "The link has been used already. It works once.",
        "revoked": "The link has been taken back.",
        "anew": "This was asked anew after the link was made. Use the link of the newer mail, or "
        "log in and decide in the inbox.",
        "busy": "Somebody is deciding with this link at this moment. Look again in a minute.",
        "forbidden": "You cannot decide this (any more).",
        "closed": "There is nothing to decide any more.",
        "many": "Too many links that are none came from here. Wait for a minute.",
        "elsewhere": "This has to be sent from our own page. Open the link from the mail.",
        "away": "It is not known whether your decision was taken. Look again in a minute.",
        "choose": "Choose one of the buttons.",
        "wrong": "This cannot be taken as it is filled in:",
    },
    "ko": {
        "asked": "결정이 필요합니다",
        "approve": "승인",
        "reject": "반려",
        "comment": "의견",
        "optional": "선택",
        "data": "승인 대상",
        "person": "결정자",
        "instance": "인스턴스",
        "until": "결정 기한",
        "quorum": "승인 수",
        "of": "/",
        "once": "이 링크는 본인만 한 번 사용할 수 있습니다. 다른 사람에게 전달하지 마십시오.",
        "inbox_form": "이 양식은 여기에서 작성할 수 없습니다. 로그인하여 결재함에서 승인하십시오:",
        "cut": "나머지는 여기에 표시되지 않습니다. 전체를 보려면 로그인하십시오.",
        "done": "감사합니다. 결정이 접수되었습니다.",
        "said_approve": "승인하셨습니다.",
        "said_reject": "반려하셨습니다.",
        "status": "상태",
        "PENDING": "다른 결정자를 기다리는 중",
        "APPROVED": "승인됨",
        "REJECTED": "반려됨",
        "DEFAULTED": "결정 없이 종료됨",
        "CANCELLED": "취소됨",
        "sorry": "이 링크는 사용할 수 없습니다",
        "unknown": "링크가 완전하지 않거나 유효하지 않습니다. 메일에서 다시 여십시오.",
        "expired": "링크가 만료되었습니다. 로그인하여 결재함에서 결정하십시오.",
        "used": "이미 사용된 링크입니다. 링크는 한 번만 사용할 수 있습니다.",
        "revoked": "회수된 링크입니다.",
        "anew": "그 후 다시 결정이 요청되어 이전 링크는 사용할 수 없습니다. 새 메일의 링크를 "
        "사용하거나 로그인하여 결재함에서 결정하십시오.",
        "busy": "지금 이 링크로 결정이 처리되고 있습니다. 잠시 후 다시 확인하십시오.",
        "forbidden": "이 건은 (더 이상) 결정하실 수 없습니다.",
        "closed": "더 이상 결정할 것이 없습니다.",
        "many": "유효하지 않은 링크 요청이 너무 많습니다. 1분 후 다시 시도하십시오.",
        "elsewhere": "이 요청은 본 페이지에서 보내야 합니다. 메일의 링크를 여십시오.",
        "away": "결정이 접수되었는지 확인할 수 없습니다. 잠시 후 다시 확인하십시오.",
        "choose": "버튼 중 하나를 선택하십시오.",
        "wrong": "작성하신 내용으로는 접수할 수 없습니다:",
    },
}

_RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q=([01](?:\.\d*)?))?\s*"
)


def language_of(chosen: str | None, accepted: str) -> Language:
    """Return the language to speak: the chosen one, or the better one of `Accept-Language`."""
    for language in TEXTS:
        if chosen == language:
            return language
    wanted = {"ko": 0.0, "en": 0.0}
    for part in accepted[:500].split(","):
        found = _RANGE.fullmatch(part)
        name = found[1].lower() if found else ""
        if found and name in wanted:
            wanted[name] = max(wanted[name], float(found[2] or 1))
    return "ko" if wanted["ko"] > wanted["en"] else "en"
