Feature: Run Workflow
  As an implementer of the workflow DSL
  I want workflows to run workflows
  So that they can be shared

  Background:
    Given a published workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: scenarios, name: child, version: '1.0.0' }
    do:
      - bad: { if: '.bad // false', raise: { error: { type: 'https://a.example/x', status: 418, detail: no tea } } }
      - slow: { if: '.slow // false', wait: PT1H }
      - double: { call: http, with: { method: post, endpoint: 'http://plant.example/child', body: '${ .n }' }, output: { as: '{ twice: (2 * .body) }' } }
    """

  Scenario: Its Output Is That Of The Task
    Given a workflow with definition:
    """yaml
    do:
      - it:
          run: { workflow: { namespace: scenarios, name: child, version: '1.0.0', input: { n: '${ .number + 1 }' } } }
          output: { as: .twice }
    """
    And given the workflow input is:
    """yaml
    number: 20
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    42
    """

  Scenario: Without An Input It Gets That Of The Task
    Given a workflow with definition:
    """yaml
    do: [ { it: { run: { workflow: { namespace: scenarios, name: child, version: latest } } } } ]
    """
    And given the workflow input is:
    """yaml
    n: 4
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    twice: 8
    """

  Scenario: It Can Go Its Own Way
    Given a workflow with definition:
    """yaml
    do: [ { it: { run: { await: false, workflow: { namespace: scenarios, name: child, version: latest } } } } ]
    """
    And given the workflow input is:
    """yaml
    { n: 4, kept: true }
    """
    When the workflow is executed
    And the plant is asked at '/child'
    Then the workflow should complete with output:
    """yaml
    { n: 4, kept: true }
    """

  Scenario: Its Fault Is That Of The Task
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { it: { run: { workflow: { namespace: scenarios, name: child, version: latest, input: { bad: true } } } } } ]
          catch: { errors: { with: { status: 418 } }, do: [ { note: { set: { where: '${ $error.instance }' } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    where: /do/0/attempt/try/0/it
    """

  Scenario: What Is Not There Cannot Be Run
    Given a workflow with definition:
    """yaml
    do: [ { it: { run: { workflow: { namespace: scenarios, name: nothing, version: latest } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'detail' property containing 'scenarios.nothing'

  Scenario: It Is Given Up With The Task That Waits For It
    Given a workflow with definition:
    """yaml
    do:
      - it:
          timeout: { after: PT0.2S }
          run: { workflow: { namespace: scenarios, name: child, version: latest, input: { slow: true } } }
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/do/0/it'
