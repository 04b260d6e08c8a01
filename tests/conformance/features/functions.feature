Feature: Functions
  As an implementer of the workflow DSL
  I want to name tasks and call them
  So that nothing is written twice

  Scenario: A Function Sees Its Arguments Only
    Given a workflow with definition:
    """yaml
    use:
      functions:
        double: { set: { result: '${ .n * 2 }', keys: '${ keys }' } }
    do: [ { twice: { call: double, with: { n: '${ .value }' } } } ]
    """
    And given the workflow input is:
    """yaml
    value: 4
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { result: 8, keys: [ n ] }
    """

  Scenario: A Function May Be A List
    Given a workflow with definition:
    """yaml
    use:
      functions:
        prepare: { do: [ { one: { set: { n: '${ .n + 1 }' } } }, { two: { set: { n: '${ .n * 10 }' } } } ] }
    do: [ { it: { call: prepare, with: { n: 1 } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 20
    """

  Scenario: Functions May Call Functions
    Given a workflow with definition:
    """yaml
    use:
      functions:
        add: { set: { n: '${ .n + 1 }' } }
        addTwice: { do: [ { one: { call: add, with: { n: '${ .n }' } } }, { two: { call: add, with: { n: '${ .n }' } } } ] }
    do: [ { it: { call: addTwice, with: { n: 1 } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 3
    """

  Scenario: The Input Schema Of A Function Checks Its Arguments
    Given a workflow with definition:
    """yaml
    use:
      functions:
        need: { input: { schema: { document: { type: object, properties: { n: { type: integer } } } } }, set: { x: 1 } }
    do: [ { it: { call: need, with: { n: '${ .text }' } } } ]
    """
    And given the workflow input is:
    """yaml
    text: no number
    """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'type' property containing 'validation'

  Scenario: A Function Can Be A Call Over HTTP
    Given a workflow with definition:
    """yaml
    use:
      functions:
        getPart: { call: http, with: { method: get, endpoint: 'http://plant.example/parts/{id}' } }
    do: [ { it: { call: getPart, with: { id: '${ .id }' } , output: { as: .path } } } ]
    """
    And given the workflow input is:
    """yaml
    id: 7
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    /parts/7
    """

  Scenario: A Fault In A Function Can Be Caught By Its Caller
    Given a workflow with definition:
    """yaml
    use: { functions: { bad: { raise: { error: { type: 'https://a.example/x', status: 418 } } } } }
    do:
      - attempt:
          try: [ { it: { call: bad } } ]
          catch: { errors: { with: { status: 418 } }, do: [ { mend: { set: { mended: true } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    mended: true
    """
