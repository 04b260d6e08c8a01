Feature: Flow
  As an implementer of the workflow DSL
  I want tasks to lead where they say
  So that workflows are more than lists

  Scenario: A Jump Forward Leaves Tasks Out
    Given a workflow with definition:
    """yaml
    do:
      - one: { switch: [ { far: { when: .far, then: three } } ] }
      - two: { set: '${ . + { two: true } }' }
      - three: { set: '${ . + { three: true } }' }
    """
    And given the workflow input is:
    """yaml
    far: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { far: true, three: true }
    """
    And the tasks should run in the order one, three

  Scenario: A Jump Back Repeats Tasks
    Given a workflow with definition:
    """yaml
    do:
      - count: { set: { n: '${ .n + 1 }' } }
      - enough: { switch: [ { no: { when: .n < 3, then: count } } ] }
    """
    And given the workflow input is:
    """yaml
    n: 0
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 3
    """
    And the tasks should run in the order count, enough, count, enough, count, enough

  Scenario Outline: Directives
    Given a workflow with definition:
    """yaml
    do:
      - outer:
          do:
            - one: { set: '${ . + { one: true } }', if: .go, then: <then> }
            - two: { set: '${ . + { two: true } }' }
      - three: { set: '${ . + { three: true } }' }
    """
    And given the workflow input is:
    """yaml
    go: true
    """
    When the workflow is executed
    Then the tasks should run in the order <order>

    Examples:
      | then     | order                  |
      | continue | outer, one, two, three |
      | exit     | outer, one, three      |
      | end      | outer, one             |
      | two      | outer, one, two, three |

  Scenario: Exit Of The Outermost List Ends The Workflow
    Given a workflow with definition:
    """yaml
    do:
      - one: { set: { one: true }, if: 'true', then: exit }
      - two: { set: { two: true } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    one: true
    """

  Scenario: End Gives The Output Of The Task That Said It
    Given a workflow with definition:
    """yaml
    do:
      - outer:
          do: [ { one: { set: { n: 1 }, output: { as: '{ shaped: .n }' }, then: end } } ]
          output: { as: '"never"' }
    output: { as: '{ whole: . }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    whole: { shaped: 1 }
    """

  Scenario: A List Leads On Where Its Task Says
    Given a workflow with definition:
    """yaml
    do:
      - outer: { do: [ { one: { set: { n: 1 }, then: exit } } ], then: last }
      - middle: { set: { never: true }, then: end }
      - last: { set: { n: '${ .n + 1 }' } }
      - after: { switch: [ { never: { when: .n > 5, then: middle } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 2
    """
    And middle should not run

  Scenario Outline: A Condition Decides Whether A Task Is Done
    Given a workflow with definition:
    """yaml
    do:
      - maybe: { if: '<if>', set: { done: true } }
    """
    And given the workflow input is:
    """yaml
    { done: false, yes: true, n: 1, nothing: null }
    """
    When the workflow is executed
    Then maybe should be <state>

    Examples:
      | if              | state     |
      | .yes            | completed |
      | .done           | skipped   |
      | .n == 1         | completed |
      | ${ .n == 2 }    | skipped   |
      | .nothing        | skipped   |
      | .gone == null   | completed |
      | $context.yes    | completed |

  Scenario: A Skipped Task Does Not Lead Anywhere
    Given a workflow with definition:
    """yaml
    do:
      - never: { if: 'false', set: { a: 0 }, then: end }
      - always: { set: { b: 1 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    b: 1
    """
    And never should be skipped

  Scenario: A Condition Sees The Input Before It Is Shaped
    Given a workflow with definition:
    """yaml
    do:
      - maybe: { if: .raw.go, input: { from: .raw.value }, set: { got: '${ . }' } }
    """
    And given the workflow input is:
    """yaml
    raw: { go: true, value: 3 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    got: 3
    """

  Scenario: A Condition That Fails Is A Fault Of Its Task
    Given a workflow with definition:
    """yaml
    do: [ { maybe: { if: '.a + 1 > 0', set: { x: 1 } } } ]
    """
    And given the workflow input is:
    """yaml
    a: text
    """
    When the workflow is executed
    Then the workflow should fault with a expression error of status 400 at '/do/0/maybe'
