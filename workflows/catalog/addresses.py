"""Where things elsewhere can be read: the addresses that people know, as those of raw files.

A catalogue in a Git repository is named by the page that shows it; the file behind a page has
another address. Which branch or tag a page shows is told by its address, and both are tried where
it does not say which of the two it is.
"""

import re
from typing import Final
from urllib.parse import quote

FUNCTION_FILE: Final = "function.yaml"
_GITHUB: Final = re.compile(
    r"https?://(?:www\.)?github\.com/(?P<owner>[\w.-]+)/(?P<repository>[\w.-]+?)(?:\.git)?"
    r"(?:/(?:tree|blob|raw)/(?P<ref>[^/?#@]+))?(?P<path>(?:/[^?#@]*)?)(?:@(?P<at>[^/?#@]+))?/?",
    re.IGNORECASE,
)
_GITLAB_PAGE: Final = re.compile(
    r"(?P<project>https?://[^/?#]+/[^?#]+?)/-/(?:tree|blob)/(?P<rest>[^?#]+)", re.IGNORECASE
)
# A catalogue that is a whole project: what follows begins with the folder of its functions.
_GITLAB_PROJECT: Final = re.compile(
    r"(?P<project>https?://gitlab\.com/[\w.-]+(?:/[\w.-]+)+?)/(?P<rest>functions/[^?#]+)",
    re.IGNORECASE,
)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
_FILE: Final = re.compile(r"\.(?:ya?ml|json)(?:[?#].*)?$", re.IGNORECASE)


def of_function(catalog: str, name: str, version: str) -> list[str]:
    """Return where a function of a catalogue may be, best first."""
    plain, _, query = catalog.partition("?")
    where = f"functions/{quote(name, safe='')}/{quote(version, safe='')}/{FUNCTION_FILE}"
    return [f"{each}{'?' if query else ''}{query}" for each in raw(f"{plain.rstrip('/')}/{where}")]


def of_call(address: str) -> list[str]:
    """Return where the function that a call names by its address may be."""
    found = raw(address)
    return [each if _FILE.search(each) else f"{each.rstrip('/')}/{FUNCTION_FILE}" for each in found]


def raw(address: str) -> list[str]:
    """Return the addresses of the file behind a page of GitHub or GitLab; else the address."""
    if match := _GITHUB.fullmatch(address):
        base = f"https://raw.githubusercontent.com/{match['owner']}/{match['repository']}"
        path, ref = match["path"].rstrip("/"), match["ref"] or match["at"]
        return [f"{base}/{each}{path}" for each in _references(ref)]
    if match := _GITLAB_PAGE.fullmatch(address):
        return [f"{match['project']}/-/raw/{match['rest']}"]
    if match := _GITLAB_PROJECT.fullmatch(address):
        return [f"{match['project']}/-/raw/HEAD/{match['rest']}"]
    return [address]


def _references(ref: str | None) -> list[str]:
    """Spell a branch, a tag or a commit."""
    if ref is None:
        return ["HEAD"]
    if _COMMIT.fullmatch(ref):
        return [ref]
    return [f"refs/heads/{ref}", f"refs/tags/{ref}"]
