Feature: For Task
  As an implementer of the workflow DSL
  I want to loop over lists
  So that each item is treated the same way

  Scenario: Each Turn Begins With The Output Of The Turn Before
    Given a workflow with definition:
    """yaml
    do:
      - sum:
          for: { in: .numbers }
          do:
            - add: { set: { numbers: [], total: '${ (.total // 0) + $item }' } }
    """
    And given the workflow input is:
    """yaml
    numbers: [ 1, 2, 3, 4 ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { numbers: [], total: 10 }
    """
    And add should run 4 times

  Scenario: Item And Index Have The Names That The Task Gives Them
    Given a workflow with definition:
    """yaml
    do:
      - loop:
          for: { each: part, at: position, in: .parts }
          do:
            - note: { set: { parts: '${ .parts }', seen: '${ (.seen // []) + ["\($position):\($part)"] }' } }
      - only: { set: { seen: '${ .seen }' } }
    """
    And given the workflow input is:
    """yaml
    parts: [ bolt, nut ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    seen: [ '0:bolt', '1:nut' ]
    """

  Scenario: An Empty List Is No Turn
    Given a workflow with definition:
    """yaml
    do:
      - loop: { for: { in: '[]' }, do: [ { never: { set: { x: 1 } } } ] }
    """
    And given the workflow input is:
    """yaml
    kept: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    kept: true
    """
    And never should not run

  Scenario: A List Of Objects May Stand In The Definition
    Given a workflow with definition:
    """yaml
    do:
      - loop:
          for: { in: [ { force: 3 }, { force: '${ .more }' } ] }
          do:
            - keep: { set: { more: 0, forces: '${ (.forces // []) + [$item.force] }' } }
    """
    And given the workflow input is:
    """yaml
    more: 9
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { more: 0, forces: [ 3, 9 ] }
    """

  Scenario: While Is Asked Before Each Turn
    Given a workflow with definition:
    """yaml
    do:
      - fill:
          for: { in: '[ 5, 5, 5, 5 ]' }
          while: .level < 10
          do:
            - pour: { set: { level: '${ .level + $item }' } }
    """
    And given the workflow input is:
    """yaml
    level: 0
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    level: 10
    """
    And pour should run 2 times

  Scenario: While Can Forbid The First Turn
    Given a workflow with definition:
    """yaml
    do:
      - loop: { for: { in: '[ 1, 2 ]' }, while: 'false', do: [ { never: { set: { x: 1 } } } ] }
    """
    And given the workflow input is:
    """yaml
    a: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    a: 1
    """

  Scenario: Loops In Loops See The Variables Of Both
    Given a workflow with definition:
    """yaml
    do:
      - lines:
          for: { each: line, in: '[ "a", "b" ]' }
          do:
            - shifts:
                for: { each: shift, in: '[ 1, 2 ]', at: n }
                do:
                  - note: { set: { all: '${ (.all // []) + ["\($line)\($shift)/\($index)\($n)"] }' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    all: [ a1/00, a2/01, b1/10, b2/11 ]
    """

  Scenario: Exit Ends The Turn And Not The Loop
    Given a workflow with definition:
    """yaml
    do:
      - loop:
          for: { in: '[ 1, 2, 3 ]' }
          do:
            - count: { set: '${ . + { n: ((.n // 0) + 1) } }' }
            - leave: { if: '$item == 2', set: '${ . + { left: true } }', then: exit }
            - rest: { set: '${ . + { rest: ((.rest // 0) + 1) } }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { n: 3, left: true, rest: 2 }
    """

  Scenario: A Turn Can End The Workflow
    Given a workflow with definition:
    """yaml
    do:
      - loop:
          for: { in: '[ 1, 2, 3 ]' }
          do:
            - found: { if: '$item == 2', set: { at: '${ $index }' }, then: end }
      - after: { set: { never: true } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    at: 1
    """
    And after should not run

  Scenario: The List Is Read Once Whatever The Turns Make Of It
    Given a workflow with definition:
    """yaml
    do:
      - loop:
          for: { in: .queue }
          do:
            - grow: { set: { queue: '${ .queue + [0] }' } }
    """
    And given the workflow input is:
    """yaml
    queue: [ 1, 2 ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    queue: [ 1, 2, 0, 0 ]
    """

  Scenario Outline: What Is No List Cannot Be Looped Over
    Given a workflow with definition:
    """yaml
    do:
      - loop: { for: { in: '<in>' }, do: [ { a: { set: { b: 1 } } } ] }
    """
    When the workflow is executed
    Then the workflow should fault with a expression error of status 400 at '/do/0/loop'
    And the workflow error should have a 'detail' property containing '<what>'

    Examples:
      | in      | what     |
      | .x      | null     |
      | {a: 1}  | object   |
      | "text"  | text     |
      | 3       | a number |

  Scenario: Variables Of A Loop End With It
    Given a workflow with definition:
    """yaml
    do:
      - loop: { for: { each: part, in: '[ 1 ]' }, do: [ { a: { set: { b: '${ $part }' } } } ] }
      - after: { set: { c: '${ $part }' } }
    """
    When the workflow is validated
    Then it should be refused with unknown-variable at '/do/1/after/set/c'
