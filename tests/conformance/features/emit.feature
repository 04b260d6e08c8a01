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

  Scenario: Another Instance Hears It
    Given a published workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: scenarios, name: teller, version: '1.0.0' }
    do: [ { tell: { emit: { event: { with: { type: heard.stopped, data: { line: 4 } } } } } } ]
    """
    And a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - heard: { listen: { to: { one: { with: { type: heard.stopped } } } } }
              - tell: { run: { workflow: { namespace: scenarios, name: teller, version: '1.0.0' } }, output: { as: .type } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ [ { line: 4 } ], heard.stopped ]
    """

  Scenario: An Event That Is No CloudEvent Is A Fault
    Given a workflow with definition:
    """yaml
    do: [ { tell: { emit: { event: { with: { type: a.b.v1, source: '${ "no source" }' } } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a validation error of status 422 at '/do/0/tell'

  Scenario: An Event That Is Too Large Is A Fault
    Given a workflow with definition:
    """yaml
    do: [ { tell: { emit: { event: { with: { type: a.b.v1, data: '${ "x" * 70000 }' } } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a validation error of status 400 at '/do/0/tell'
