Feature: Try Task
  As an implementer of the workflow DSL
  I want to catch what goes wrong
  So that workflows go on where they can

  Scenario Outline: A Catch Takes What Its Filters Let In
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try:
            - broken: { raise: { error: { type: 'https://a.example/x', status: 418, title: No } } }
          catch:
            <filter>
            do: [ { mend: { set: { mended: true } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    mended: true
    """
    And broken should be faulted
    And attempt should be completed

    Examples:
      | filter                                                          |
      | errors: { with: { status: 418 } }                               |
      | errors: { with: { type: 'https://a.example/x' } }               |
      | errors: { with: { title: No, status: 418 } }                    |
      | errors: { with: { instance: /do/0/attempt/try/0/broken } }      |
      | when: '$error.status == 418'                                    |
      | exceptWhen: '$error.status == 500'                              |
      | errors: { with: { title: '${ "N" + "o" }' } }                   |

  Scenario Outline: A Catch Lets Pass What Its Filters Do Not Let In
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try:
            - broken: { raise: { error: { type: 'https://a.example/x', status: 418, title: No } } }
          catch:
            <filter>
            do: [ { mend: { set: { mended: true } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a x error of status 418 at '/do/0/attempt/try/0/broken'
    And mend should not run
    And attempt should be faulted

    Examples:
      | filter                                                          |
      | errors: { with: { status: 500 } }                               |
      | errors: { with: { type: 'https://a.example/y' } }               |
      | errors: { with: { title: No, status: 500 } }                    |
      | errors: { with: { detail: anything } }                          |
      | when: '$error.status == 500'                                    |
      | exceptWhen: '$error.status == 418'                              |

  Scenario: A Catch Without Tasks Swallows The Error And Passes The Input On
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try:
            - changed: { set: { kept: false } }
            - broken: { raise: { error: { type: 'https://a.example/x', status: 418 } } }
          catch: {}
    """
    And given the workflow input is:
    """yaml
    kept: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    kept: true
    """

  Scenario: Nothing Is Caught When Nothing Goes Wrong
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { fine: { set: { fine: true } } } ]
          catch: { do: [ { mend: { set: { mended: true } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    fine: true
    """
    And mend should not run

  Scenario: The Tasks Of A Catch See The Error And The Input Of The Try
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try:
            - changed: { set: { n: 99 } }
            - broken: { raise: { error: { type: 'https://a.example/x', status: 418, title: No } } }
          catch:
            as: problem
            do: [ { note: { set: { n: '${ .n }', why: '${ $problem.title }', where: '${ $problem.instance }' } } } ]
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { n: 1, why: 'No', where: /do/0/attempt/try/1/broken }
    """

  Scenario: The Then Of A Catch Is Followed Only When It Caught
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try:
            - broken: { if: .bad, raise: { error: { type: 'https://a.example/x', status: 418 } } }
          catch: { then: mend }
      - fine: { set: { fine: true }, then: end }
      - mend: { set: { mended: true } }
    """
    And given the workflow input is:
    """yaml
    bad: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    mended: true
    """
    And fine should not run

  Scenario: The Inner Try Comes First And The Outer Takes What It Lets Pass
    Given a workflow with definition:
    """yaml
    do:
      - outer:
          try:
            - inner:
                try:
                  - broken: { raise: { error: { type: 'https://a.example/x', status: 418 } } }
                catch: { errors: { with: { status: 500 } }, do: [ { wrong: { set: { by: inner } } } ] }
          catch: { errors: { with: { status: 418 } }, do: [ { right: { set: { by: outer } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    by: outer
    """
    And wrong should not run

  Scenario: A Fault In A Catch Is A Fault
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { broken: { raise: { error: { type: 'https://a.example/x', status: 418 } } } } ]
          catch:
            do: [ { worse: { raise: { error: { type: 'https://a.example/y', status: 419 } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a y error of status 419 at '/do/0/attempt/catch/do/0/worse'

  Scenario Outline: Faults Of The Engine Can Be Caught By Their Types
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try: [ { broken: <task> } ]
          catch:
            errors: { with: { type: 'https://open-workflow-specification.org/spec/1.0.0/errors/<type>' } }
            do: [ { mend: { set: { status: '${ $error.status }' } } } ]
    """
    And the plant answers '/broken' with statuses 422
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    status: <status>
    """

    Examples:
      | task                                                                     | type           | status |
      | { set: '${ .a.b.c \| error("no") }' }                                    | expression     | 400    |
      | { wait: PT1H, timeout: { after: PT0.05S } }                              | timeout        | 408    |
      | { set: { a: 1 }, output: { schema: { document: { type: string } } } }    | validation     | 400    |
      | { set: { a: 1 }, input: { schema: { document: { type: string } } } }     | validation     | 400    |
      | { call: http, with: { method: get, endpoint: 'http://plant.example/broken' } } | communication | 422 |

  Scenario: A Fault In A Branch Or A Loop Reaches The Try Around It
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try:
            - loop:
                for: { in: '[ 1, 2 ]' }
                do:
                  - both:
                      fork:
                        branches:
                          - bad: { if: '$item == 2', raise: { error: { type: 'https://a.example/x', status: 418 } } }
          catch: { do: [ { note: { set: { where: '${ $error.instance }' } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    where: /do/0/attempt/try/0/loop/do/0/both/fork/branches/0/bad
    """

  Scenario: A Jump In A Try Leaves Only Its List
    Given a workflow with definition:
    """yaml
    do:
      - attempt:
          try:
            - leave: { set: { left: true }, if: .go, then: exit }
            - rest: { set: { rest: true } }
          catch: {}
      - after: { set: '${ . + { after: true } }' }
    """
    And given the workflow input is:
    """yaml
    go: true
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { left: true, after: true }
    """
