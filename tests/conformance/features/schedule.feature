Feature: Schedule
  As an implementer of the workflow DSL
  I want definitions to start by themselves
  So that nobody has to

  Scenario: Each Event Starts One Instance With An Array Of It As Input
    Given a workflow with definition:
    """yaml
    schedule: { on: { one: { with: { type: sched.part.v1 } } } }
    do: [ { keep: { set: { got: '${ . }' } } } ]
    """
    When the workflow is published
    And these events come:
    """yaml
    - { type: sched.part.v1, data: 1 }
    - { type: sched.other.v1, data: 2 }
    - { type: sched.part.v1, data: { n: 3 } }
    """
    Then these instances should have started by themselves:
    """yaml
    [ { got: [ 1 ] }, { got: [ { n: 3 } ] } ]
    """

  Scenario: The Schedule Reads Envelopes When It Says So
    Given a workflow with definition:
    """yaml
    schedule: { read: envelope, on: { one: { with: { type: sched.envelope.v1 } } } }
    do: [ { keep: { set: { got: '${ .[0].type }' } } } ]
    """
    When the workflow is published
    And these events come:
    """yaml
    - { type: sched.envelope.v1, data: 1 }
    """
    Then these instances should have started by themselves:
    """yaml
    [ { got: sched.envelope.v1 } ]
    """

  Scenario: All Filters Need An Event Of Their Own And Events Of A Set Correlate
    Given a workflow with definition:
    """yaml
    schedule:
      on:
        all:
          - { with: { type: sched.door.v1 }, correlate: { room: { from: .data.room } } }
          - { with: { type: sched.light.v1 }, correlate: { room: { from: .data.room } } }
    do: [ { keep: { set: { got: '${ map(.room) }' } } } ]
    """
    When the workflow is published
    And these events come:
    """yaml
    - { type: sched.door.v1, data: { room: a } }
    - { type: sched.door.v1, data: { room: b } }
    - { type: sched.light.v1, data: { room: b } }
    """
    Then these instances should have started by themselves:
    """yaml
    [ { got: [ b, b ] } ]
    """

  Scenario: Until Says How Many Events One Instance Takes
    Given a workflow with definition:
    """yaml
    schedule: { on: { any: [ { with: { type: sched.count.v1 } } ], until: 'length == 2' } }
    do: [ { keep: { set: { got: '${ . }' } } } ]
    """
    When the workflow is published
    And these events come:
    """yaml
    - { type: sched.count.v1, data: 1 }
    - { type: sched.count.v1, data: 2 }
    - { type: sched.count.v1, data: 3 }
    """
    Then these instances should have started by themselves:
    """yaml
    [ { got: [ 1, 2 ] } ]
    """

  Scenario: An Instance Starts When The One Before Has Ended
    Given a workflow with definition:
    """yaml
    schedule: { after: { seconds: 1 } }
    do: [ { keep: { set: { got: '${ . }' } } } ]
    """
    When the workflow is published
    Then these instances should have started by themselves:
    """yaml
    [ { got: null }, { got: null } ]
    """

  Scenario: An Instance Starts Every So Often
    Given a workflow with definition:
    """yaml
    schedule: { every: { seconds: 1 } }
    do: [ { keep: { set: { got: '${ . }' } } } ]
    """
    When the workflow is published
    Then these instances should have started by themselves:
    """yaml
    [ { got: null }, { got: null } ]
    """

  Scenario: What Starts Itself By Its Own Events Comes To An End
    Given a workflow with definition:
    """yaml
    schedule: { on: { one: { with: { type: sched.again.v1 } } } }
    do:
      - again: { emit: { event: { with: { type: sched.again.v1 } } } }
      - keep: { set: { got: '${ .millwrightgeneration }' } }
    """
    When the workflow is published
    And these events come:
    """yaml
    - { type: sched.again.v1, millwrightgeneration: 17 }
    """
    Then these instances should have started by themselves:
    """yaml
    [ { got: 18 }, { got: 19 }, { got: 20 }, { refused: Too many instances have led to this one } ]
    """
