Feature: Listen Task
  As an implementer of the workflow DSL
  I want workflows to wait for what happens elsewhere
  So that they go on when it has happened

  Scenario: One Event Is Waited For And Its Data Is The Output
    Given a workflow with definition:
    """yaml
    do: [ { paid: { listen: { to: { one: { with: { type: one.paid } } } } } } ]
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: one.other, data: { n: 0 } }
    - { type: one.paid, data: { n: 1 } }
    - { type: one.paid, data: { n: 2 } }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ { n: 1 } ]
    """

  Scenario: Attributes Are Compared And Data By Its Members
    Given a workflow with definition:
    """yaml
    do:
      - hot:
          listen:
            to:
              one:
                with:
                  type: attributes.reading
                  source: '/line/[0-9]+'
                  data: { unit: C }
                  subject: '${ startswith("press") }'
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: attributes.reading, source: /line/x, subject: press 1, data: { unit: C, n: 1 } }
    - { type: attributes.reading, source: /line/4, subject: press 1, data: { unit: F, n: 2 } }
    - { type: attributes.reading, source: /line/4, subject: oven, data: { unit: C, n: 3 } }
    - { type: attributes.reading, source: /line/4, data: { unit: C, n: 4 } }
    - { type: attributes.reading, source: /line/4, subject: press 1, data: { unit: C, n: 5 } }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ { unit: C, n: 5 } ]
    """

  Scenario: Any Of Several Is Enough
    Given a workflow with definition:
    """yaml
    do: [ { either: { listen: { to: { any: [ { with: { type: any.a } }, { with: { type: any.b } } ] } } } } ]
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: any.b, data: 1 }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ 1 ]
    """

  Scenario: All Are Needed In Whatever Order
    Given a workflow with definition:
    """yaml
    do: [ { both: { listen: { to: { all: [ { with: { type: all.a } }, { with: { type: all.b } } ] } } } } ]
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: all.b, data: 1 }
    - { type: all.b, data: 2 }
    - { type: all.a, data: 3 }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ 1, 3 ]
    """

  Scenario: A Condition Ends It
    Given a workflow with definition:
    """yaml
    do: [ { three: { listen: { to: { any: [ { with: { type: until.condition } } ], until: '${ length == 3 }' } } } } ]
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: until.condition, data: 1 }
    - { type: until.condition, data: 2 }
    - { type: until.condition, data: 3 }
    - { type: until.condition, data: 4 }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ 1, 2, 3 ]
    """

  Scenario: An Event Ends It
    Given a workflow with definition:
    """yaml
    do:
      - watch:
          listen:
            to:
              any: [ { with: { type: until.reading } } ]
              until: { one: { with: { type: until.over } } }
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: until.reading, data: 1 }
    - { type: until.reading, data: 2 }
    - { type: until.over, data: 3 }
    - { type: until.reading, data: 4 }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ 1, 2 ]
    """

  Scenario: Something Is Done For Each
    Given a workflow with definition:
    """yaml
    do:
      - watch:
          listen: { to: { any: [ { with: { type: each.reading } } ], until: '${ length == 2 }' } }
          foreach:
            item: reading
            at: number
            do:
              - double: { set: { n: '${ $reading.n * 2 }', number: '${ $number }' } }
            output: { as: '${ [ .number, .n ] }' }
            export: { as: '${ { last: $output } }' }
      - both: { set: { all: '${ . }', last: '${ $context.last }' } }
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: each.reading, data: { n: 1 } }
    - { type: each.reading, data: { n: 2 } }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    { all: [ [ 0, 2 ], [ 1, 4 ] ], last: [ 1, 4 ] }
    """
    And double should run 2 times

  Scenario: Only What Belongs To The Instance Is Meant
    Given a workflow with definition:
    """yaml
    do:
      - paid:
          listen:
            to:
              one:
                with: { type: correlate.expected }
                correlate: { order: { from: '${ .data.order }', expect: '${ $workflow.input.order }' } }
    """
    And given the workflow input is:
    """yaml
    order: A-17
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: correlate.expected, data: { order: A-16, n: 1 } }
    - { type: correlate.expected, data: { n: 2 } }
    - { type: correlate.expected, data: { order: A-17, n: 3 } }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ { order: A-17, n: 3 } ]
    """

  Scenario: The First Event Says What The Others Must Have
    Given a workflow with definition:
    """yaml
    do:
      - pair:
          listen:
            to:
              all:
                - with: { type: correlate.door }
                  correlate: { room: { from: .data.room } }
                - with: { type: correlate.light }
                  correlate: { room: { from: .data.room } }
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: correlate.door, data: { room: 1 } }
    - { type: correlate.light, data: { room: 2 } }
    - { type: correlate.light, data: { room: 1, on: true } }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ { room: 1 }, { room: 1, on: true } ]
    """

  Scenario: The Whole Event Can Be Read
    Given a workflow with definition:
    """yaml
    do:
      - tell: { listen: { read: envelope, to: { one: { with: { type: read.envelope } } } }, output: { as: '${ .[0] | { id, type, line } }' } }
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: read.envelope, id: '4711', line: P1 }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    { id: '4711', type: read.envelope, line: P1 }
    """

  Scenario: The Bytes Of The Data Can Be Read
    Given a workflow with definition:
    """yaml
    do: [ { tell: { listen: { read: raw, to: { one: { with: { type: read.raw } } } } } } ]
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: read.raw, data: text }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ dGV4dA== ]
    """

  Scenario: An Event That Came Before Is Heard
    Given a workflow with definition:
    """yaml
    do: [ { paid: { listen: { to: { one: { with: { type: kept.paid } } } } } } ]
    """
    And these events came:
    """yaml
    - { type: kept.paid, data: 1 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ 1 ]
    """

  Scenario: Events That Came Before Can Be Left Alone
    Given a workflow with definition:
    """yaml
    do:
      - paid:
          listen: { to: { one: { with: { type: only.new } } } }
          metadata: { millwright: { keptEvents: false } }
    """
    And these events came:
    """yaml
    - { type: only.new, data: 1 }
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: only.new, data: 2 }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ 2 ]
    """

  Scenario: An Event That Is Sent Twice Is One
    Given a workflow with definition:
    """yaml
    do: [ { two: { listen: { to: { any: [ { with: { type: sent.twice } } ], until: '${ length == 2 }' } } } } ]
    """
    When the workflow is started
    And the workflow waits
    And these events come:
    """yaml
    - { type: sent.twice, id: a, source: /twice, data: 1 }
    - { type: sent.twice, id: a, source: /twice, data: 1 }
    - { type: sent.twice, id: b, source: /twice, data: 2 }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ 1, 2 ]
    """

  Scenario: Waiting Has An End
    Given a workflow with definition:
    """yaml
    do: [ { never: { listen: { to: { one: { with: { type: never.comes } } } }, timeout: { after: { milliseconds: 200 } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a timeout error of status 408 at '/do/0/never'

  Scenario: A Wait In A Branch Holds Up That Branch Alone
    Given a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - heard: { listen: { to: { one: { with: { type: branch.go } } } } }
              - other: { set: { n: 1 } }
    """
    When the workflow is started
    And the task other has completed
    And the workflow waits
    And these events come:
    """yaml
    - { type: branch.go, data: 2 }
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ [ 2 ], { n: 1 } ]
    """
