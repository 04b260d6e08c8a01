Feature: Timeouts
  As an implementer of the workflow DSL
  I want to bound how long things take
  So that nothing waits for ever

  Scenario: A Task That Takes Too Long Faults
    Given a workflow with definition:
    """yaml
    do: [ { nap: { wait: PT1H, timeout: { after: PT0.05S } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/do/0/nap'

  Scenario: A Workflow That Takes Too Long Faults
    Given a workflow with definition:
    """yaml
    timeout: { after: { milliseconds: 80 } }
    do: [ { nap: { wait: PT1H } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/'
    And the workflow should end as TIMED_OUT
    And nap should be cancelled

  Scenario: A Workflow Has Failed When Nothing Catches The Timeout Of A Task
    Given a workflow with definition:
    """yaml
    timeout: { after: PT1H }
    do: [ { nap: { wait: PT1H, timeout: { after: PT0.05S } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/do/0/nap'
    And the workflow should end as FAILED

  Scenario: A Workflow That Takes Too Long Undoes What It Did
    Given a workflow with definition:
    """yaml
    timeout: { after: PT0.5S }
    do:
      - a: { set: { x: 1 }, metadata: { millwright: { compensate: [ { undo-a: { set: { x: 1 } } } ] } } }
      - nap: { wait: PT1H }
    """
    When the workflow is executed
    Then the workflow should end as COMPENSATED

  Scenario: A Timeout Can Have A Name
    Given a workflow with definition:
    """yaml
    use: { timeouts: { short: { after: PT0.05S } } }
    do: [ { nap: { wait: PT1H, timeout: short } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/do/0/nap'

  Scenario: The Workflow's Timeout Can Have A Name
    Given a workflow with definition:
    """yaml
    use: { timeouts: { short: { after: PT0.08S } } }
    timeout: short
    do: [ { nap: { wait: PT1H } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/'

  Scenario: A Timeout Can Be Computed
    Given a workflow with definition:
    """yaml
    do: [ { nap: { wait: PT1H, timeout: { after: '${ { milliseconds: .ms } }' } } } ]
    """
    And given the workflow input is:
    """yaml
    ms: 50
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/do/0/nap'

  Scenario: What Is Done In Time Is Not Disturbed
    Given a workflow with definition:
    """yaml
    timeout: { after: PT1H }
    do: [ { quick: { set: { x: 1 }, timeout: { after: PT1H } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    x: 1
    """

  Scenario: A Call Is Given Up When Its Time Is Over
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try:
            - ask: { call: http, with: { method: get, endpoint: 'http://plant.example/held' }, timeout: { after: PT0.1S } }
          catch: { errors: { with: { status: 408 } }, do: [ { late: { set: { where: '${ $error.instance }' } } } ] }
    """
    And the plant holds its answers back
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    where: /do/0/attempt/try/0/ask
    """

  Scenario: A List Has One Timeout For All Its Tasks
    Given a workflow with definition:
    """yaml
    do:
      - outer:
          timeout: { after: PT0.1S }
          do: [ { quick: { set: { x: 1 } } }, { nap: { wait: PT1H } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/do/0/outer'
    And quick should be completed
    And nap should be cancelled
