Feature: Retry
  As an implementer of the workflow DSL
  I want to try again
  So that what passes by itself needs nobody

  Scenario: Attempts Go On Until One Succeeds
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { ask: { call: http, with: { method: post, endpoint: 'http://plant.example/busy', output: response } } } ]
          catch: { retry: { delay: PT0.02S, limit: { attempt: { count: 5 } } } }
    """
    And the plant answers '/busy' with statuses 500, 500, 200
    When the workflow is executed
    Then the workflow should complete
    And the plant should have been asked 3 times at '/busy'
    And ask should run 3 times

  Scenario: When Attempts Are Over The Fault Goes On
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { ask: { call: http, with: { method: get, endpoint: 'http://plant.example/busy' } } } ]
          catch: { retry: { delay: PT0.02S, limit: { attempt: { count: 3 } } } }
    """
    And the plant answers '/busy' with statuses 503
    When the workflow is executed
    Then the workflow should fault with a communication error of status 503 at '/do/0/attempt/try/0/ask'
    And the plant should have been asked 3 times at '/busy'

  Scenario: When Attempts Are Over The Tasks Of The Catch Are Done
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { bad: { raise: { error: { type: 'https://a.example/x', status: 400 } } } } ]
          catch:
            retry: { delay: PT0.01S, limit: { attempt: { count: 2 } } }
            do: [ { note: { set: { gaveUp: '${ $error.status }' } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    gaveUp: 400
    """
    And bad should run 2 times
    And note should run 1 time

  Scenario: A Policy Can Have A Name
    Given a workflow with definition:
    """yaml
    use: { retries: { twice: { delay: PT0.01S, limit: { attempt: { count: 2 } } } } }
    do:
      - attempt:
          try: [ { bad: { raise: { error: { type: 'https://a.example/x', status: 400 } } } } ]
          catch: { retry: twice }
    """
    When the workflow is executed
    Then the workflow should fault with a x error of status 400 at '/do/0/attempt/try/0/bad'
    And bad should run 2 times

  Scenario Outline: The Delay Grows As The Policy Says
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { bad: { raise: { error: { type: 'https://a.example/x', status: 400 } } } } ]
          catch:
            retry: { <policy>, limit: { attempt: { count: 4 } } }
            do: [ { over: { set: { over: true } } } ]
    """
    When the workflow is executed
    Then bad should run 4 times
    And attempt should have taken at least <ms> ms

    Examples:
      | policy                                                     | ms  |
      | delay: PT0.02S, backoff: { constant: {} }                  | 60  |
      | delay: PT0.02S, backoff: { linear: {} }                    | 120 |
      | delay: PT0.02S, backoff: { exponential: {} }               | 140 |
      | delay: PT0.01S, jitter: { from: PT0.02S, to: PT0.02S }     | 90  |
      | delay: { milliseconds: 20 }                                | 60  |

  Scenario: All Attempts Together Have A Limit
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { bad: { raise: { error: { type: 'https://a.example/x', status: 400 } } } } ]
          catch: { retry: { delay: PT1H, limit: { duration: PT10M } }, do: [ { over: { set: { over: true } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    over: true
    """
    And bad should run 1 time

  Scenario: One Attempt Has A Limit
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { sleep: { wait: PT1H } } ]
          catch: { retry: { limit: { attempt: { count: 2, duration: PT0.05S } } } }
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/do/0/attempt'
    And sleep should be cancelled
    And sleep should run 2 times

  Scenario Outline: Not Every Error Is Worth Another Attempt
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { bad: { raise: { error: { type: 'https://a.example/x', status: 400 } } } } ]
          catch:
            as: oops
            retry: { <condition>, limit: { attempt: { count: 3 } } }
            do: [ { over: { set: { over: true } } } ]
    """
    When the workflow is executed
    Then the workflow should complete
    And bad should run <times> times

    Examples:
      | condition                              | times |
      | when: '$oops.status == 400'            | 3     |
      | when: '$oops.status == 500'            | 1     |
      | exceptWhen: '$oops.status == 400'      | 1     |
      | exceptWhen: '$oops.status == 500'      | 3     |

  Scenario: Only What Is Caught Is Tried Again
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { bad: { raise: { error: { type: 'https://a.example/x', status: 400 } } } } ]
          catch: { errors: { with: { status: 500 } }, retry: { limit: { attempt: { count: 3 } } } }
    """
    When the workflow is executed
    Then the workflow should fault
    And bad should run 1 time

  Scenario: Each Attempt Begins With The Input Of The Try
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try:
            - add: { set: { n: '${ .n + 1 }' }, export: { as: '{ seen: (($context.seen // []) + [.n]) }' } }
            - bad: { raise: { error: { type: 'https://a.example/x', status: 400 } } }
          catch: { retry: { limit: { attempt: { count: 3 } } }, do: [ { tell: { set: '${ $context }' } } ] }
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    seen: [ 2, 2, 2 ]
    """

  Scenario: A Call By Itself Is Tried Again When It Had No Effect
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: http
          with: { method: post, endpoint: 'http://plant.example/busy', output: response }
          metadata: { millwright: { retry: { attempts: 3, delay: PT0.02S } } }
          output: { as: .statusCode }
    """
    And the plant answers '/busy' with statuses 503, 429, 200
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    200
    """
    And ask should be tried 3 times

  Scenario: A Call That May Have Had An Effect Is Not Tried Again
    Given a workflow with definition:
    """yaml
    do: [ { ask: { call: http, with: { method: post, endpoint: 'http://plant.example/busy' } } } ]
    """
    And the plant answers '/busy' with statuses 500
    When the workflow is executed
    Then the workflow should fault with a communication error of status 500 at '/do/0/ask'
    And the plant should have been asked 1 time at '/busy'
