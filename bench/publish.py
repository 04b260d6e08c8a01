"""Publishing a definition of a hundred tasks over REST: checks, hash, row, answer.

Each time a new version, with expressions that are new, too, so that everything is done anew. The
median of many, since what one caller waits for is what counts; beside it the CPU that checking
alone takes, which a busy machine disturbs less.
"""

import statistics
import time

from bench.report import Figure, percentile
from bench.system import Bench
from millwright_client import Millwright
from workflows.definition import prepare

TASKS = 100
PUBLICATIONS = 60
WARM_UP = 5
MAX_MS = 50

_CALL = """
  - read{0}:
      if: '${{ .order.amount > {0}.{1} }}'
      input: {{ from: '${{ {{ order, limits, at: {0}.{1} }} }}' }}
      call: http
      with:
        method: post
        endpoint: {{ uri: 'https://mes.example.com/orders/{{order}}/lines/{0}' }}
        headers: {{ X-Plant: '${{ $input.limits.plant[:{0}{1}] }}' }}
        body:
          order: '${{ .order.id[{0}{1}] }}'
          line: '${{ "L{0}.{1}" + ($input.order.amount | tostring) }}'
      output: {{ as: '${{ $input + {{ answer{0}{1}: . }} }}' }}
"""
_SET = """
  - sum{0}:
      set:
        order: '${{ .order.at{0}{1} }}'
        limits: '${{ .limits.at{0}{1} }}'
        total: '${{ [.order.lines[]? | .qty * .price * {0}.{1}] | add }}'
"""
_SWITCH = """
  - decide{0}:
      switch:
        - high: {{ when: '.total > .limits.high + {0}.{1}', then: continue }}
        - low: {{ when: '.total < .limits.low - {0}.{1}', then: end }}
        - otherwise: {{ then: continue }}
"""
_FOR = """
  - each{0}:
      for: {{ each: line, in: '.order.lines{1}.at{0}', at: at }}
      do:
        - count{0}:
            set: '${{ . + {{ counted{0}{1}: $at }} }}'
"""
# Five tasks: the one in the loop counts.
_PARTS = (_CALL, _SET, _SWITCH, _FOR)


def measure(_bench: Bench, client: Millwright) -> tuple[list[Figure], dict[str, object]]:
    """Measure one caller on an otherwise idle system."""
    waited, checked = [], []
    for turn in range(WARM_UP + PUBLICATIONS):
        text = _definition(turn)
        started = time.perf_counter()
        client.workflows.publish(text)
        took = time.perf_counter() - started
        cpu = time.process_time()
        prepare(text)
        spent = time.process_time() - cpu
        if turn >= WARM_UP:
            waited.append(took * 1000)
            checked.append(spent * 1000)
    return [
        Figure(f"publish {TASKS} tasks, p50", statistics.median(waited), "ms", "<=", MAX_MS),
        Figure(f"publish {TASKS} tasks, best", min(waited), "ms"),
        Figure(f"publish {TASKS} tasks, p95", percentile(waited, 0.95), "ms"),
        Figure("CPU of the checks alone, p50", statistics.median(checked), "ms"),
        Figure("CPU of the checks alone, best", min(checked), "ms"),
    ], {"publications": PUBLICATIONS, "characters": len(_definition(0))}


def _definition(turn: int) -> str:
    head = f"document: {{ dsl: '1.0.3', namespace: bench, name: hundred, version: '1.0.{turn}' }}"
    tasks = (part.format(number, turn) for number in range(TASKS // 5) for part in _PARTS)
    return f"{head}\ndo:\n{''.join(tasks)}"
