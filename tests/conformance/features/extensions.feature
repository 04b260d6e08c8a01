Feature: Extensions
  As an implementer of the workflow DSL
  I want tasks around tasks
  So that definitions can be watched and tried out

  Scenario: What Stands Before And After Is Done And Gives Nothing On
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - log:
            extend: set
            when: $task.name == "task"
            before: [ { first: { emit: { event: { with: { type: before } } } } } ]
            after: [ { second: { emit: { event: { with: { type: after, data: '${ . }' } } } } } ]
    do: [ { task: { set: { n: '${ .n + 1 }' } } } ]
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 2
    """
    And the tasks should run in the order task, first, second
    And the event of second should be:
    """yaml
    { type: after, data: { n: 2 } }
    """

  Scenario: Exit In A Before Replaces The Task
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - mock: { extend: call, before: [ { answer: { set: { installed: true }, then: exit } } ] }
    do:
      - ask: { call: http, with: { method: get, endpoint: 'http://plant.example/it' }, output: { as: .installed } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    true
    """
    And the plant should have been asked 0 times at '/it'

  Scenario Outline: What Replaces A Task Leads On
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - mock: { extend: <kind>, before: [ { answer: { set: { mocked: true }, then: exit } } ] }
    do:
      - ask: { <kind>: <what> }
      - next: { wait: PT0S }
      - last: { wait: PT0S }
    """
    When the workflow is validated
    Then there should be no findings
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    mocked: true
    """
    And the tasks should run in the order ask, answer, next, last

    Examples:
      | kind   | what                                                    |
      | raise  | { error: { type: 'https://a.example/x', status: 418 } } |
      | switch | [ { always: { then: last } } ]                          |

  Scenario Outline: A Condition Looks At The Task
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - mock: { extend: call, when: '<when>', before: [ { answer: { set: { mocked: true }, then: exit } } ] }
    do:
      - ask: { call: http, with: { method: get, endpoint: 'http://plant.example/it' }, output: { as: '.mocked // false' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <mocked>
    """

    Examples:
      | when                                         | mocked |
      | $task.call == "http"                         | true   |
      | $task.with.method == "get"                   | true   |
      | $task.name == "ask"                          | true   |
      | $task.name == "other"                        | false  |
      | $task.reference == "/do/0/ask"               | true   |

  Scenario Outline: An Extension Says Which Tasks It Extends
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - log: { extend: <extend>, before: [ { seen: { emit: { event: { with: { type: seen } } } } } ] }
    do:
      - list: { do: [ { a: { set: { y: 1 } } } ] }
      - loop: { for: { in: '[ 1, 2 ]' }, do: [ { b: { wait: PT0S } } ] }
      - choose: { switch: [ { all: { then: continue } } ] }
    """
    When the workflow is executed
    Then seen should run <times> times

    Examples:
      | extend    | times |
      | composite | 2     |
      | set       | 1     |
      | wait      | 2     |
      | for       | 1     |
      | switch    | 1     |
      | all       | 6     |
      | raise     | 0     |

  Scenario: Several Extensions Are Done In Their Order
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - one: { extend: set, before: [ { first: { emit: { event: { with: { type: first } } } } } ] }
        - two: { extend: set, before: [ { second: { emit: { event: { with: { type: second } } } } } ] }
    do: [ { task: { set: { x: 1 } } } ]
    """
    When the workflow is executed
    Then the tasks should run in the order task, first, second

  Scenario: A Fault In An Extension Is A Fault
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - guard: { extend: set, before: [ { stop: { raise: { error: { type: 'https://a.example/x', status: 418 } } } } ] }
    do: [ { task: { set: { x: 1 } } } ]
    """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'type' property containing 'https://a.example/x'
    And task should be faulted
