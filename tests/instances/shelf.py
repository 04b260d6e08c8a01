"""Published definitions in memory: the catalogue as far as starts need it."""

from dataclasses import dataclass, field

from foundation.errors import NotFoundError
from foundation.json import JsonObject, digest


@dataclass(frozen=True)
class OnShelf:
    namespace: str
    name: str
    version: str
    document: JsonObject

    @property
    def hash(self) -> str:
        return digest(self.document)


@dataclass
class Shelf:
    tenant_id: str
    kept: list[OnShelf] = field(default_factory=list)

    def publish(
        self, name: str = "press-line.defect-watch", version: str = "1.0.0", title: str = "Watch"
    ) -> None:
        namespace, _, short = name.partition(".")
        head: JsonObject = {"namespace": namespace, "name": short, "title": title}
        self.kept.append(OnShelf(namespace, short, version, {"document": head, "do": []}))

    def get(self, tenant_id: str, namespace: str, name: str, version: str | None = None) -> OnShelf:
        for found in reversed(self.kept):
            wanted = (self.tenant_id, found.namespace, found.name)
            if wanted == (tenant_id, namespace, name) and version in (None, found.version):
                return found
        raise NotFoundError(f"There is no definition {namespace}.{name} {version or ''}.")
