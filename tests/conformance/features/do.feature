Feature: Do Task
  As an implementer of the workflow DSL
  I want lists of tasks to behave as one task
  So that workflows can be made of parts

  Scenario: A Nested List Gives The Output Of Its Last Task
    Given a workflow with definition:
    """yaml
    do:
      - outer:
          do:
            - first: { set: { x: 1 } }
            - second: { set: { y: '${ .x + 1 }' } }
      - after: { set: { z: '${ .y + 1 }' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    z: 3
    """
    And the tasks should run in the order outer, first, second, after

  Scenario: An Empty List Passes Its Input On
    Given a workflow with definition:
    """yaml
    do:
      - nothing: { do: [] }
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

  Scenario: Lists Are Nested As Deep As Somebody Needs
    Given a workflow with definition:
    """yaml
    do:
      - a: { do: [ { b: { do: [ { c: { do: [ { d: { set: { deep: true } } } ] } } ] } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    deep: true
    """
    And the tasks should run in the order a, b, c, d

  Scenario: Lists That Are Not The Same May Have Tasks Of The Same Name
    Given a workflow with definition:
    """yaml
    do:
      - one: { do: [ { note: { set: { n: 1 } } } ] }
      - two: { do: [ { note: { set: { n: '${ .n + 1 }' } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 2
    """
    And note should run 2 times

  Scenario: A Fault In A Nested List Names The Innermost Task
    Given a workflow with definition:
    """yaml
    do:
      - outer: { do: [ { fine: { set: { x: a } } }, { bad: { set: { y: '${ .x + 1 }' } } } ] }
    """
    When the workflow is executed
    Then the workflow should fault with a expression error of status 400 at '/do/0/outer/do/1/bad'
    And outer should be faulted
