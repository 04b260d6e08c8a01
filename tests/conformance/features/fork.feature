Feature: Fork Task
  As an implementer of the workflow DSL
  I want to run branches at the same time
  So that what does not depend on each other need not wait

  Scenario: Outputs Stand In The Order Of The Branches
    Given a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - slow: { do: [ { nap: { wait: PT0.1S } }, { a: { set: { n: '${ .n + 1 }' } } } ] }
              - fast: { set: { n: '${ .n + 2 }' } }
    """
    And given the workflow input is:
    """yaml
    n: 10
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - n: 11
    - n: 12
    """

  Scenario: One Branch Is A List Of One
    Given a workflow with definition:
    """yaml
    do: [ { only: { fork: { branches: [ { a: { set: { n: 1 } } } ] } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - n: 1
    """

  Scenario: Whoever Comes First Wins
    Given a workflow with definition:
    """yaml
    do:
      - race:
          fork:
            compete: true
            branches:
              - slow: { do: [ { nap: { wait: PT1H } }, { a: { set: { n: 1 } } } ] }
              - fast: { set: { n: 2 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 2
    """
    And nap should be cancelled
    And slow should be cancelled

  Scenario: A Branch That Faults Is Only Out Of The Race
    Given a workflow with definition:
    """yaml
    do:
      - race:
          fork:
            compete: true
            branches:
              - broken: { raise: { error: { type: 'https://a.example/x', status: 500 } } }
              - good: { do: [ { nap: { wait: PT0.05S } }, { a: { set: { n: 2 } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 2
    """
    And broken should be faulted

  Scenario: A Race That Everybody Loses Faults
    Given a workflow with definition:
    """yaml
    do:
      - race:
          fork:
            compete: true
            branches:
              - one: { raise: { error: { type: 'https://a.example/x', status: 501 } } }
              - two: { raise: { error: { type: 'https://a.example/x', status: 502 } } }
    """
    When the workflow is executed
    Then the workflow should fault with a x error of status 501 at '/do/0/race/fork/branches/0/one'

  Scenario: A Branch That Faults Stops The Others
    Given a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - slow: { wait: PT1H }
              - broken: { raise: { error: { type: 'https://a.example/x', status: 418 } } }
    """
    When the workflow is executed
    Then the workflow should fault with a x error of status 418 at '/do/0/both/fork/branches/1/broken'
    And slow should be cancelled

  Scenario: A Fork May Be Inside Of A Branch
    Given a workflow with definition:
    """yaml
    do:
      - outer:
          fork:
            branches:
              - inner: { fork: { branches: [ { a: { set: { n: 1 } } }, { b: { set: { n: 2 } } } ] } }
              - c: { set: { n: 3 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - [ { n: 1 }, { n: 2 } ]
    - n: 3
    """

  Scenario: A Branch Can End The Workflow
    Given a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - slow: { wait: PT1H }
              - done: { set: { n: 1 }, then: end }
      - after: { set: { never: true } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 1
    """
    And slow should be cancelled
    And after should not run

  Scenario: A Skipped Branch Gives Its Input
    Given a workflow with definition:
    """yaml
    do:
      - both: { fork: { branches: [ { a: { if: 'false', set: { n: 1 } } }, { b: { set: { n: 2 } } } ] } }
    """
    And given the workflow input is:
    """yaml
    n: 0
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - n: 0
    - n: 2
    """
    And a should be skipped
