"""Search attributes that runs carry."""

from typing import Final

from temporalio.common import SearchAttributeKey

from workflows.interpreter.types import (
    STATUS_ATTRIBUTE,
    TAGS_ATTRIBUTE,
    TENANT_ATTRIBUTE,
    VERSION_ATTRIBUTE,
)

TENANT: Final = SearchAttributeKey.for_keyword(TENANT_ATTRIBUTE)
VERSION: Final = SearchAttributeKey.for_keyword(VERSION_ATTRIBUTE)
STATUS: Final = SearchAttributeKey.for_keyword(STATUS_ATTRIBUTE)
TAGS: Final = SearchAttributeKey.for_keyword_list(TAGS_ATTRIBUTE)
