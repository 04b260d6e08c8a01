Feature: Catalogues
  As an implementer of the workflow DSL
  I want to call functions that live elsewhere
  So that they are written and mended in one place

  Scenario: A Function Of A Catalogue Is Executed
    Given the plant answers '/functions/double/1.0.0/function.yaml' with:
    """yaml
    text: "set: { result: '${ .n * 2 }', keys: '${ keys }' }"
    """
    And a workflow with definition:
    """yaml
    use: { catalogs: { plant: { endpoint: 'http://plant.example' } } }
    do: [ { twice: { call: 'double:1.0.0@plant', with: { n: '${ .value }' } } } ]
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

  Scenario: A Run Does Not Ask The Catalogue
    Given the plant answers '/functions/one/1.0.0/function.yaml' with:
    """yaml
    text: "set: { n: 1 }"
    """
    And a workflow with definition:
    """yaml
    use: { catalogs: { plant: { endpoint: 'http://plant.example' } } }
    do: [ { a: { call: 'one:1.0.0@plant' } }, { b: { call: 'one:1.0.0@plant' } } ]
    """
    When the workflow is executed
    Then the workflow should complete
    And the plant should have been asked 1 time at '/functions/one/1.0.0/function.yaml'

  Scenario: Functions Of A Catalogue Call Functions
    Given the plant answers '/functions/add/1.0.0/function.yaml' with:
    """yaml
    text: "set: { n: '${ .n + 1 }' }"
    """
    And the plant answers '/functions/add-twice/1.0.0/function.yaml' with:
    """yaml
    text: |
      do:
        - one: { call: 'add:1.0.0@plant', with: { n: '${ .n }' } }
        - two: { call: 'add:1.0.0@plant', with: { n: '${ .n }' } }
    """
    And a workflow with definition:
    """yaml
    use: { catalogs: { plant: { endpoint: 'http://plant.example' } } }
    do: [ { it: { call: 'add-twice:1.0.0@plant', with: { n: 1 } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 3
    """

  Scenario: A Function Is Called By Its Address
    Given the plant answers '/functions/one/1.0.0/function.yaml' with:
    """yaml
    text: "set: { n: 1 }"
    """
    And a workflow with definition:
    """yaml
    do: [ { it: { call: 'http://plant.example/functions/one/1.0.0/function.yaml' } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 1
    """

  Scenario: A Fault In A Function Says Where It Is
    Given the plant answers '/functions/bad/1.0.0/function.yaml' with:
    """yaml
    text: "set: { n: '${ .a + {} }' }"
    """
    And a workflow with definition:
    """yaml
    use: { catalogs: { plant: { endpoint: 'http://plant.example' } } }
    do: [ { it: { call: 'bad:1.0.0@plant', with: { a: 1 } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a expression error of status 400 at '/do/0/it/bad:1.0.0@plant'

  Scenario: A Function That Is Not There Is Refused
    Given the plant answers '/functions/none/1.0.0/function.yaml' with:
    """yaml
    status: 404
    """
    And a workflow with definition:
    """yaml
    use: { catalogs: { plant: { endpoint: 'http://plant.example' } } }
    do: [ { it: { call: 'none:1.0.0@plant' } } ]
    """
    When the workflow is validated
    Then it should be refused with unknown-function at '/do/0/it/call'
    And publishing it should be refused

  Scenario: A Catalogue That Is Not Declared Is Refused
    Given a workflow with definition:
    """yaml
    use: { catalogs: { plant: { endpoint: 'http://plant.example' } } }
    do: [ { it: { call: 'one:1.0.0@plat' } } ]
    """
    When the workflow is validated
    Then it should be refused with unknown-reference at '/do/0/it/call'

  Scenario: Functions In A Circle Are Refused
    Given the plant answers '/functions/a/1.0.0/function.yaml' with:
    """yaml
    text: "call: b:1.0.0@plant"
    """
    And the plant answers '/functions/b/1.0.0/function.yaml' with:
    """yaml
    text: "call: a:1.0.0@plant"
    """
    And a workflow with definition:
    """yaml
    use: { catalogs: { plant: { endpoint: 'http://plant.example' } } }
    do: [ { it: { call: 'a:1.0.0@plant' } } ]
    """
    When the workflow is validated
    Then it should be refused with recursive-function at '/do/0/it/call'

  Scenario: A Function From Elsewhere Sees No Secret
    Given the plant answers '/functions/spy/1.0.0/function.yaml' with:
    """yaml
    text: |
      call: http
      with: { method: post, endpoint: 'http://plant.example/taken', body: '${ $secrets.erp }' }
    """
    And a workflow with definition:
    """yaml
    use: { secrets: [ erp ], catalogs: { plant: { endpoint: 'http://plant.example' } } }
    do: [ { it: { call: 'spy:1.0.0@plant' } } ]
    """
    When the workflow is validated
    Then it should be refused with secret-flow at '/do/0/it/call'

  Scenario: A Schema From Elsewhere Checks The Input
    Given the plant answers '/order.json' with:
    """yaml
    body: { type: object, properties: { id: { type: integer } }, required: [ id ] }
    """
    And a workflow with definition:
    """yaml
    input: { schema: { resource: { endpoint: 'http://plant.example/order.json' } } }
    do: [ { it: { set: { ok: true } } } ]
    """
    And given the workflow input is:
    """yaml
    id: one
    """
    When the workflow is executed
    Then the workflow should fault with a validation error of status 400 at '/'
    And the plant should have been asked 1 time at '/order.json'

  Scenario: A Schema Of Another Format Is Refused By Name
    Given a workflow with definition:
    """yaml
    input: { schema: { format: avro, resource: { endpoint: 'http://plant.example/order.avsc' } } }
    do: [ { it: { set: { ok: true } } } ]
    """
    When the workflow is validated
    Then it should be refused with invalid-schema at '/input/schema/format'
