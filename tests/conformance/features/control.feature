Feature: Controlling Instances
  As a process engineer
  I want to stop instances and let them go on
  So that people have the last word

  Scenario: A Cancelled Workflow Does Nothing More
    Given a workflow with definition:
    """yaml
    do: [ { nap: { wait: PT1H } }, { after: { set: { x: 1 } } } ]
    """
    When the workflow is started
    And nap is running
    And the workflow is cancelled
    And the workflow has ended
    Then the workflow should end as CANCELLED
    And nap should be cancelled
    And after should not run

  Scenario: A Cancelled Workflow Undoes What It Did
    Given a workflow with definition:
    """yaml
    do:
      - a: { set: { made: a }, metadata: { millwright: { compensate: [ { undo-a: { set: { x: 1 } } } ] } } }
      - nap: { wait: PT1H }
    """
    When the workflow is started
    And nap is running
    And the workflow is cancelled
    And the workflow has ended
    Then the workflow should end as COMPENSATED
    And undo-a should be completed

  Scenario: Cancelling Reaches Every Branch And The Call In It
    Given a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - nap: { wait: PT1H }
              - ask: { call: http, with: { method: get, endpoint: 'http://plant.example/held' } }
    """
    And the plant holds its answers back
    When the workflow is started
    And the plant is asked at '/held'
    And the workflow is cancelled
    And the workflow has ended
    Then the workflow should end as CANCELLED
    And nap should be cancelled
    And ask should be cancelled

  Scenario: A Cancellation Is Not An Error To Catch
    Given a workflow with definition:
    """yaml
    do:
      - attempt: { try: [ { nap: { wait: PT1H } } ], catch: { do: [ { mend: { set: { x: 1 } } } ] } }
    """
    When the workflow is started
    And nap is running
    And the workflow is cancelled
    And the workflow has ended
    Then the workflow should end as CANCELLED
    And mend should not run

  Scenario: A Paused Workflow Begins No Task Until It Is Resumed
    Given a workflow with definition:
    """yaml
    do:
      - ask: { call: http, with: { method: get, endpoint: 'http://plant.example/held' }, output: { as: .method } }
      - after: { set: { got: '${ . }' } }
    """
    And the plant holds its answers back
    When the workflow is started
    And the plant is asked at '/held'
    And the workflow is paused
    And the plant answers
    And the task ask has completed
    Then the workflow should become PAUSED
    And after should not have begun
    When the workflow is resumed
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    got: GET
    """

  Scenario: A Failed Workflow Goes On With The Task That Failed
    Given a workflow with definition:
    """yaml
    do:
      - one: { call: http, with: { method: post, endpoint: 'http://plant.example/one' }, output: { as: .method } }
      - two: { call: http, with: { method: post, endpoint: 'http://plant.example/two', output: response }, output: { as: .statusCode } }
    """
    And the plant answers '/two' with statuses 500, 201
    When the workflow is executed
    Then the workflow should fault with a communication error of status 500 at '/do/1/two'
    When the workflow is retried
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    201
    """
    And the plant should have been asked 1 time at '/one'
    And the plant should have been asked 2 times at '/two'

  Scenario: Nothing Goes On That Counts On What Was Undone
    Given a workflow with definition:
    """yaml
    do:
      - a: { set: { x: 1 }, metadata: { millwright: { compensate: [ { undo-a: { call: http, with: { method: post, endpoint: 'http://plant.example/held' } } } ] } } }
      - b: { set: { x: 2 }, metadata: { millwright: { compensate: [ { undo-b: { set: { x: 0 } } } ] } } }
      - z: { call: http, with: { method: post, endpoint: 'http://plant.example/z', output: response }, output: { as: .statusCode } }
    """
    And the plant answers '/z' with statuses 500, 201
    And the plant holds its answers back
    When the workflow is started
    And the plant is asked at '/held'
    And the workflow is terminated
    And the workflow has ended
    Then the workflow should end as TERMINATED
    And going on with '/do/2/z' should be refused, since '/do/1/b'
    When the workflow goes on with '/do/1/b'
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    201
    """

  Scenario: A Workflow That Ran Out Of Time Goes On With All Of It Again
    Given a workflow with definition:
    """yaml
    timeout: { after: PT3S }
    do: [ { ask: { call: http, with: { method: get, endpoint: 'http://plant.example/held' }, output: { as: .method } } } ]
    """
    And the plant holds its answers back
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/'
    When the plant answers
    And the workflow goes on with '/do/0/ask'
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    GET
    """

  Scenario: A Workflow That Waits Says What For
    Given a workflow with definition:
    """yaml
    do: [ { nap: { wait: PT1H } } ]
    """
    When the workflow is started
    And nap is running
    Then the workflow should become WAITING
    When the workflow is cancelled
    And the workflow has ended
    Then the workflow should end as CANCELLED
