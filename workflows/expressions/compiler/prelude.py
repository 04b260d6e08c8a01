"""Builtins that are shortest in jq itself."""

from typing import Final

from workflows.expressions.compiler.calls import PRELUDE
from workflows.expressions.compiler.code import Scope, Table
from workflows.expressions.syntax import nodes as n
from workflows.expressions.syntax.parser import parse

_SOURCE: Final = """
def leaf_paths: paths(scalars);
def walk(f): def w: (if type == "object" then map_values(w)
                     elif type == "array" then map(w) else . end) | f; w;
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def combinations:
  if length == 0 then [] else .[0][] as $x | (.[1:] | combinations) as $y | [$x] + $y end;
def combinations(n): . as $dot | [range(n) | $dot] | combinations;
def truncate_stream(stream):
  . as $n | null | stream | . as $event
  | if (.[0] | length) > $n then setpath([0]; $event[0][$n:]) else empty end;
def fromstream(events):
  {x: null, e: false} as $init
  | foreach events as $event ($init;
      if .e then $init else . end
      | if $event | length == 2
        then setpath(["e"]; $event[0] | length == 0) | setpath(["x"] + $event[0]; $event[1])
        else setpath(["e"]; $event[0] | length == 1) end;
      if .e then .x else empty end);
def INDEX(stream; key): reduce stream as $row ({}; .[$row | key | tostring] = $row);
def INDEX(key): INDEX(.[]; key);
def JOIN($index; key): [.[] | [., $index[key]]];
def JOIN($index; stream; key): stream | [., $index[key]];
def JOIN($index; stream; key; join): stream | [., $index[key]] | join;
def finites: select(isinfinite or isnan | not);
def normals: select(isnormal);
def isfinite: type == "number" and (isinfinite | not);
def isvalid(f): try (f | true) catch false;
.
"""


def install() -> None:
    """Make the functions known; each is compiled when a program first calls it."""
    scope = Scope()
    scope.table = Table()
    node = parse(_SOURCE, nowhere=True)
    while isinstance(node, n.Define):
        scope = scope.with_function(node)
        function = scope.function
        assert function is not None  # noqa: S101 - just made
        PRELUDE[node.name, len(node.parameters)] = function
        node = node.rest
