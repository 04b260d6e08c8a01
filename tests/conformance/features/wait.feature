Feature: Wait Task
  As an implementer of the workflow DSL
  I want to pause
  So that things have time to happen

  Scenario Outline: A Pause Takes Its Time And Passes The Value On
    Given a workflow with definition:
    """yaml
    do: [ { pause: { wait: <wait> } } ]
    """
    And given the workflow input is:
    """yaml
    ms: 60
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    ms: 60
    """
    And pause should have taken at least 60 ms

    Examples:
      | wait                                 |
      | PT0.06S                              |
      | { milliseconds: 60 }                 |
      | '${ { milliseconds: .ms } }'         |
      | '${ "PT0.0\(.ms / 10)S" }'           |

  Scenario: No Time At All Is A Pause, Too
    Given a workflow with definition:
    """yaml
    do: [ { pause: { wait: PT0S } }, { after: { set: { x: 1 } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    x: 1
    """

  Scenario Outline: What Is No Duration Faults When It Is Computed
    Given a workflow with definition:
    """yaml
    do: [ { pause: { wait: '${ .it }' } } ]
    """
    And given the workflow input is:
    """yaml
    it: <it>
    """
    When the workflow is executed
    Then the workflow should fault with a <kind> error of status 400 at '/do/0/pause'

    Examples:
      | it              | kind       |
      | soon            | expression |
      | 5               | expression |
      | { weeks: 1 }    | expression |
      | { seconds: -1 } | expression |
      | P1M             | expression |
