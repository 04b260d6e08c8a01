"""The expression engine without its meter, to see what the meter costs.

Made when it is imported: the very source of `workflows.expressions`, with every statement taken out
that charges fuel or looks whether some is left. Never to be used for anything but measuring.
"""

import ast
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from typing_extensions import override

import workflows.expressions

METERED: Final = "workflows.expressions"
UNMETERED: Final = "unmetered_expressions"
_FOLDER: Final = Path(str(workflows.expressions.__file__)).parent


class _WithoutMeter(ast.NodeTransformer):
    """Takes charges out, and makes modules import each other by their new names."""

    @override
    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        is_charge = (
            isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Attribute)
            and node.value.func.attr.startswith("charge")
        )
        return ast.Pass() if is_charge else self.generic_visit(node)

    @override
    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        return ast.Pass() if _is_fuel(node.target) else self.generic_visit(node)

    @override
    def visit_If(self, node: ast.If) -> ast.AST:
        looks = isinstance(node.test, ast.Compare) and _is_fuel(node.test.left)
        return ast.Pass() if looks else self.generic_visit(node)

    @override
    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module and node.module.startswith(METERED):
            node.module = UNMETERED + node.module.removeprefix(METERED)
        return node


def _is_fuel(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "fuel"


class _Unmetered(MetaPathFinder, Loader):
    """Finds and loads the changed modules."""

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != UNMETERED:
            return None
        return ModuleSpec(fullname, self, is_package=_file_of(fullname).name == "__init__.py")

    @override
    def exec_module(self, module: ModuleType) -> None:
        file = _file_of(module.__name__)
        tree = _WithoutMeter().visit(ast.parse(file.read_text(encoding="utf-8")))
        code = compile(ast.fix_missing_locations(tree), f"<unmetered {file.name}>", "exec")
        exec(code, module.__dict__)  # noqa: S102 - our own source


def _file_of(name: str) -> Path:
    path = _FOLDER.joinpath(*name.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def unmetered_engine() -> Any:
    """Return the module that stands for `workflows.expressions`."""
    if not any(isinstance(finder, _Unmetered) for finder in sys.meta_path):
        sys.meta_path.append(_Unmetered())
    return importlib.import_module(UNMETERED)
