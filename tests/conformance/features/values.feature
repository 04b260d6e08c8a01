Feature: Numbers, Texts And Times
  As an implementer of the workflow DSL
  I want values to mean what the language says
  So that results can be relied on

  Scenario Outline: What An Expression Gives
    Given a workflow with definition:
    """yaml
    do: [ { one: { set: '${ <expression> }' } } ]
    """
    And given the workflow input is:
    """yaml
    { n: 9007199254740993, parts: [ { id: 2, ok: true }, { id: 1, ok: false } ], at: '2026-01-01T00:00:00Z' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <gives>
    """

    Examples:
      | expression                                   | gives                     |
      | .n                                           | 9007199254740993          |
      | .n + 1                                       | 9007199254740994          |
      | 10 / 4                                       | 2.5                       |
      | 10 / 5                                       | 2                         |
      | 7 % 3                                        | 1                         |
      | [ .parts[] \| select(.ok) \| .id ]           | [ 2 ]                     |
      | .parts \| sort_by(.id) \| map(.id)           | [ 1, 2 ]                  |
      | .gone.deeper                                 | null                      |
      | .gone // "nothing"                           | nothing                   |
      | .at \| fromdate \| . + 3600 \| todate        | '2026-01-01T01:00:00Z'    |
      | "abc" \| test("^a.c$")                       | true                      |
      | [ "a,b" \| split(",")[] \| ascii_upcase ]    | [ A, B ]                  |
      | { a: 1 } * { b: { c: 2 } }                   | { a: 1, b: { c: 2 } }     |
      | "x" \| @base64                               | eA==                      |
      | [ .parts[].id ] \| add                       | 3                         |
      | try error("no") catch .                      | 'no'                      |

  Scenario: YAML 1.2 Decides What A Scalar Is
    Given a workflow with definition:
    """yaml
    do:
      - one:
          set: { a: yes, b: on, c: 0o14, d: 1:30, e: ~, f: 1e3, g: .5, h: '007', i: 007, j: 2026-01-01 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { a: 'yes', b: 'on', c: 12, d: '1:30', e: null, f: 1000.0, g: 0.5, h: '007', i: 7, j: '2026-01-01' }
    """

  Scenario Outline: What Cannot Be Computed Is A Fault
    Given a workflow with definition:
    """yaml
    do: [ { one: { set: '${ <expression> }' } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a expression error of status 400 at '/do/0/one'

    Examples:
      | expression                 |
      | 1 / (0 \| tonumber)        |
      | {} + 1                     |
      | "a" \| tonumber            |
      | error("told")              |
      | [ range(1e9) ]             |
      | def f: f; f                |

  Scenario: What Is No Number Does Not Leave A Workflow
    Given a workflow with definition:
    """yaml
    do: [ { one: { set: { x: '${ infinite }' } } } ]
    """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'type' property containing 'validation'
