Feature: Emit Task
  As an implementer of the workflow DSL
  I want to tell what happened
  So that others can act on it

  Scenario: An Event Has What It Was Given And What It Needs
    Given a workflow with definition:
    """yaml
    do:
      - tell:
          emit:
            event:
              with:
                source: https://plant.example/P1
                type: press.stopped.v1
                subject: 'line ${ .line }'
                data: { at: '${ .line }' }
                shift: late
    """
    And given the workflow input is:
    """yaml
    line: P1
    """
    When the workflow is executed
    Then the event of tell should be:
    """yaml
    { source: 'https://plant.example/P1', type: press.stopped.v1, subject: line P1, data: { at: P1 }, shift: late, specversion: '1.0' }
    """
    And the workflow output should have properties 'id', 'time', 'source'

  Scenario: What Is Left Out Is Filled In
    Given a workflow with definition:
    """yaml
    do: [ { tell: { emit: { event: { with: { type: a.b.v1 } } } } } ]
    """
    When the workflow is executed
    Then the workflow output should have a 'source' property matching '/.+/scenarios/sample-.+'
    And the workflow output should have a 'id' property matching '[0-9a-f-]{36}'
    And the workflow output should have a 'time' property matching '20\d\d-.*Z'

  Scenario: Every Execution Has An Event Of Its Own
    Given a workflow with definition:
    """yaml
    do:
      - loop:
          for: { in: '[ 1, 2 ]' }
          do: [ { tell: { emit: { event: { with: { type: a.b.v1 } } }, output: { as: .id }, export: { as: '{ ids: (($context.ids // []) + [.]) }' } } } ]
      - count: { set: { different: '${ $context.ids | unique | length }' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    different: 2
    """
