Feature: Set Task
  As an implementer of the workflow DSL
  I want to build values
  So that tasks get what they need

  Scenario: Values Are Built At Every Depth
    Given a workflow with definition:
    """yaml
    do:
      - build:
          set:
            list: [ '${ .n }', { inner: '${ .n * 2 }', fixed: text } ]
            nothing: null
            yes: true
    """
    And given the workflow input is:
    """yaml
    n: 4
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    list: [ 4, { inner: 8, fixed: text } ]
    nothing: null
    yes: true
    """

  Scenario: What Was There Before Is Replaced
    Given a workflow with definition:
    """yaml
    do:
      - one: { set: { a: 1, b: 2 } }
      - two: { set: { c: 3 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    c: 3
    """

  Scenario Outline: One Expression Can Be The Whole Value
    Given a workflow with definition:
    """yaml
    do: [ { one: { set: '<set>' } } ]
    """
    And given the workflow input is:
    """yaml
    parts: [ 1, 2, 3 ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <output>
    """

    Examples:
      | set                             | output                    |
      | ${ .parts }                     | [ 1, 2, 3 ]               |
      | ${ .parts[1] }                  | 2                         |
      | ${ null }                       | null                      |
      | ${ . + { more: true } }         | { parts: [ 1, 2, 3 ], more: true } |
      | ${ .parts[] }                   | 1                         |
      | ${ empty }                      | null                      |

  Scenario: Texts Are Filled In
    Given a workflow with definition:
    """yaml
    do:
      - tell:
          set:
            one: 'Line ${ .line }: ${ .bad } of ${ .all }'
            dollar: '${ "${" }HOME}'
            none: 'x${ .gone }x'
            list: '${ .all }, ${ [.bad] }'
    """
    And given the workflow input is:
    """yaml
    { line: P1, bad: 2, all: 8 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    one: 'Line P1: 2 of 8'
    dollar: '${HOME}'
    none: xnullx
    list: '8, [2]'
    """

  Scenario: Keys Are Not Expressions
    Given a workflow with definition:
    """yaml
    do: [ { one: { set: { '${ .a }': 1 } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    '${ .a }': 1
    """
