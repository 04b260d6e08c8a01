Feature: Millwright's Metadata
  As a process engineer
  I want to say how tasks are carried out
  So that the language needs nothing added

  Scenario: What Was Done Is Undone Newest First
    Given a workflow with definition:
    """yaml
    do:
      - a: { set: { made: a }, metadata: { millwright: { compensate: [ { undo-a: { emit: { event: { with: { type: undone, data: '${ . }' } } } } } ] } } }
      - b: { set: { made: b }, metadata: { millwright: { compensate: [ { undo-b: { set: { x: 1 } } } ] } } }
      - bad: { raise: { error: { type: 'https://a.example/x', status: 418 } } }
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the workflow should end as COMPENSATED
    And these tasks should have been undone:
    """yaml
    [ /do/1/b, /do/0/a ]
    """
    And the tasks should run in the order a, b, bad, undo-b, undo-a
    And the event of undo-a should be:
    """yaml
    data: { input: { n: 1 }, output: { made: a }, error: { type: 'https://a.example/x', status: 418, instance: /do/2/bad } }
    """

  Scenario: A Compensation Can Be A Function
    Given a workflow with definition:
    """yaml
    use: { functions: { release: { call: http, with: { method: delete, endpoint: '${ "http://plant.example/reservations/\(.output.id)" }' } } } }
    do:
      - reserve: { set: { id: 7 }, metadata: { millwright: { compensate: release } } }
      - bad: { raise: { error: { type: 'https://a.example/x', status: 418 } } }
    """
    When the workflow is executed
    Then the workflow should end as COMPENSATED
    And the plant should have been asked 1 time at '/reservations/7'

  Scenario: Nothing Is Undone When All Went Well
    Given a workflow with definition:
    """yaml
    do: [ { a: { set: { made: a }, metadata: { millwright: { compensate: [ { undo-a: { set: { x: 1 } } } ] } } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    made: a
    """
    And undo-a should not run

  Scenario: What Was Skipped Or Failed Is Not Undone
    Given a workflow with definition:
    """yaml
    do:
      - a: { if: 'false', set: { x: 1 }, metadata: { millwright: { compensate: [ { undo-a: { set: { x: 1 } } } ] } } }
      - b: { set: '${ error("no") }', metadata: { millwright: { compensate: [ { undo-b: { set: { x: 1 } } } ] } } }
    """
    When the workflow is executed
    Then the workflow should end as FAILED
    And undo-a should not run
    And undo-b should not run

  Scenario: Each Turn Of A Loop Is Undone
    Given a workflow with definition:
    """yaml
    do:
      - loop:
          for: { in: '[ 1, 2 ]' }
          do: [ { a: { set: { made: '${ $item }' }, metadata: { millwright: { compensate: [ { undo: { set: { x: 1 } } } ] } } } } ]
      - bad: { raise: { error: { type: 'https://a.example/x', status: 418 } } }
    """
    When the workflow is executed
    Then these tasks should have been undone:
    """yaml
    [ '/do/0/loop#1/do/0/a', '/do/0/loop#0/do/0/a' ]
    """
    And undo should run 2 times

  Scenario: What Undoing A Turn Needs Of The Loop Goes Through The Task
    Given a workflow with definition:
    """yaml
    do:
      - loop:
          for: { in: '[ 7 ]' }
          do:
            - a:
                input: { from: '${ { line: $item } }' }
                set: { made: '${ .line + 1 }' }
                metadata: { millwright: { compensate: [ { undo: { emit: { event: { with: { type: undone, data: '${ [ .input.line, .output.made ] }' } } } } } ] } }
      - bad: { raise: { error: { type: 'https://a.example/x', status: 418 } } }
    """
    When the workflow is executed
    Then the workflow should end as COMPENSATED
    And the event of undo should be:
    """yaml
    data: [ 7, 8 ]
    """

  Scenario: What Is Always Done Is Done After Success
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: scenarios
      name: finally-good
      version: '1.0.0'
      metadata: { millwright: { finally: [ { tell: { emit: { event: { with: { type: ended, data: '${ . }' } } } } } ] } }
    do: [ { a: { set: { x: 1 } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    x: 1
    """
    And the event of tell should be:
    """yaml
    data: { status: completed, output: { x: 1 }, error: null }
    """

  Scenario: What Is Always Done Is Done After A Fault
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: scenarios
      name: finally-bad
      version: '1.0.0'
      metadata: { millwright: { finally: [ { tell: { emit: { event: { with: { type: ended, data: '${ .status }' } } } } } ] } }
    do: [ { bad: { raise: { error: { type: 'https://a.example/x', status: 418 } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a x error of status 418 at '/do/0/bad'
    And the event of tell should be:
    """yaml
    data: faulted
    """

  Scenario: A Fault In What Is Always Done Fails A Run That Had Completed
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: scenarios
      name: finally-fails
      version: '1.0.0'
      metadata: { millwright: { finally: [ { tell: { raise: { error: { type: 'https://a.example/x', status: 418 } } } } ] } }
    do: [ { a: { set: { x: 1 } } } ]
    """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'type' property containing 'https://a.example/x'

  Scenario: A Call Has The Idempotency Key That It Was Given
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: http
          with: { method: post, endpoint: 'http://plant.example/orders' }
          metadata: { millwright: { idempotencyKey: 'order-${ .order }' } }
    """
    And given the workflow input is:
    """yaml
    order: 4711
    """
    When the workflow is executed
    Then the plant should have been asked at '/orders' with headers:
    """yaml
    idempotency-key: order-4711
    """

  Scenario Outline: Calls Are Carried Out However They Are Asked To Be
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: http
          with: { method: get, endpoint: 'http://plant.example/it' }
          output: { as: .path }
          metadata: { owner: line 7, millwright: <millwright> }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    /it
    """
    And ask should be tried 1 time

    Examples:
      | millwright                                                      |
      | { local: true }                                                 |
      | { priority: 1 }                                                 |
      | { priority: 5, fairnessKey: urgent }                            |
      | { timeout: PT5S, heartbeat: PT5S }                              |
      | { summary: 'asks for ${ "it" }' }                               |
      | { retry: { attempts: 2, delay: PT0.1S, backoff: 2, maxDelay: PT1S } } |

  Scenario: A Local Call Is Tried Again As Well
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: http
          with: { method: get, endpoint: 'http://plant.example/busy', output: response }
          output: { as: .statusCode }
          metadata: { millwright: { local: true, retry: { attempts: 3, delay: PT0.02S } } }
    """
    And the plant answers '/busy' with statuses 503, 200
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    200
    """
    And the plant should have been asked 2 times at '/busy'

  Scenario: What Was Done Is Undone When Only What Is Always Done Fails
    Given a workflow with definition:
    """yaml
    document:
      dsl: '1.0.3'
      namespace: scenarios
      name: finally-fails-and-undoes
      version: '1.0.0'
      metadata: { millwright: { finally: [ { tell: { raise: { error: { type: 'https://a.example/x', status: 418 } } } } ] } }
    do:
      - a:
          do: [ { b: { set: { made: a }, then: end } } ]
          metadata: { millwright: { compensate: [ { undo-a: { set: { x: 1 } } } ] } }
    """
    When the workflow is executed
    Then the workflow should end as COMPENSATED
    And these tasks should have been undone:
    """yaml
    [ /do/0/a ]
    """
    And the tasks should run in the order a, b, tell, undo-a
