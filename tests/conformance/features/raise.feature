Feature: Raise Task
  As an implementer of the workflow DSL
  I want to fault on purpose
  So that what is wrong is not taken for right

  Scenario: An Error Has All That It Was Given
    Given a workflow with definition:
    """yaml
    do:
      - stop:
          raise:
            error:
              type: https://a.example/errors/scrap
              status: 422
              title: Scrap
              detail: '${ "Part \(.id) is bent" }'
    """
    And given the workflow input is:
    """yaml
    id: 7
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://a.example/errors/scrap
    status: 422
    title: Scrap
    detail: Part 7 is bent
    instance: /do/0/stop
    """

  Scenario Outline: An Error Has A Type
    Given a workflow with definition:
    """yaml
    do: [ { stop: { raise: { error: { type: '${ .kind }', status: 422 } } } } ]
    """
    And given the workflow input is:
    """yaml
    <input>
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    <error>
    """

    Examples:
      | input                             | error                                                                                         |
      | { kind: 'https://a.example/bad' } | { type: 'https://a.example/bad', status: 422, instance: /do/0/stop }                          |
      | { kind: 7 }                       | { type: 'https://open-workflow-specification.org/spec/1.0.0/errors/expression', status: 400, title: The error cannot be raised, detail: "The 'type' of an error must be a text; its expression gave none.", instance: /do/0/stop } |
      | {}                                | { type: 'https://open-workflow-specification.org/spec/1.0.0/errors/expression', status: 400, title: The error cannot be raised, detail: "The 'type' of an error must be a text; its expression gave none.", instance: /do/0/stop } |

  Scenario: An Error Can Have A Name
    Given a workflow with definition:
    """yaml
    use:
      errors:
        scrap: { type: 'https://a.example/errors/scrap', status: 422, title: Scrap }
    do: [ { stop: { raise: { error: scrap } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a scrap error of status 422 at '/do/0/stop'

  Scenario: An Error May Say Itself Where It Belongs
    Given a workflow with definition:
    """yaml
    do: [ { stop: { raise: { error: { type: 'https://a.example/x', status: 400, instance: /my/place } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a x error of status 400 at '/my/place'

  Scenario: Raising Can Depend On A Condition
    Given a workflow with definition:
    """yaml
    do:
      - stop: { if: .bad, raise: { error: { type: 'https://a.example/x', status: 400 } } }
      - fine: { set: { fine: true } }
    """
    And given the workflow input is:
    """yaml
    bad: false
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    fine: true
    """
    And stop should be skipped
