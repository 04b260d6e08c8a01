Feature: Switch Task
  As an implementer of the workflow DSL
  I want to choose where to go
  So that workflows decide

  Scenario: The First Case That Holds Counts
    Given a workflow with definition:
    """yaml
    do:
      - choose:
          switch:
            - high: { when: .n > 5, then: one }
            - higher: { when: .n > 7, then: two }
      - one: { set: { took: one }, then: end }
      - two: { set: { took: two } }
    """
    And given the workflow input is:
    """yaml
    n: 9
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    took: one
    """
    And two should not run

  Scenario: The Default Counts Wherever It Stands
    Given a workflow with definition:
    """yaml
    do:
      - choose:
          switch:
            - otherwise: { then: one }
            - high: { when: .n > 7, then: two }
      - one: { set: { took: one }, then: end }
      - two: { set: { took: two } }
    """
    And given the workflow input is:
    """yaml
    n: 9
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    took: two
    """

  Scenario: Without A Case That Holds The Next Task Follows
    Given a workflow with definition:
    """yaml
    do:
      - choose: { switch: [ { high: { when: .n > 5, then: end } } ] }
      - next: { set: { took: next } }
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    took: next
    """

  Scenario: Without A Case That Holds The Task's Own Then Counts
    Given a workflow with definition:
    """yaml
    do:
      - choose: { switch: [ { high: { when: .n > 5, then: one } } ], then: two }
      - one: { set: { took: one }, then: end }
      - two: { set: { took: two } }
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    took: two
    """

  Scenario: The Value Passes Through
    Given a workflow with definition:
    """yaml
    do: [ { choose: { switch: [ { all: { then: continue } } ] } } ]
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 1
    """

  Scenario Outline: What Holds And What Does Not
    Given a workflow with definition:
    """yaml
    do:
      - choose: { switch: [ { it: { when: '<when>', then: yes } }, { no: { then: no } } ] }
      - yes: { set: { held: true }, then: end }
      - no: { set: { held: false } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    held: <held>
    """

    Examples:
      | when        | held  |
      | null        | false |
      | .gone       | false |
      | ${ 1 == 1 } | true  |

  Scenario: A Switch In A List Can Leave It
    Given a workflow with definition:
    """yaml
    do:
      - inner:
          do:
            - choose: { switch: [ { leave: { when: 'true', then: exit } } ] }
            - rest: { set: { rest: true } }
      - after: { set: { after: true } }
    """
    When the workflow is executed
    Then the tasks should run in the order inner, choose, after
