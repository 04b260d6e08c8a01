Feature: Secrets And Logging In
  As an integrator
  I want calls to log in
  So that secrets stay secret

  Background:
    Given a secret 'erp' with value:
    """yaml
    { username: press-user, password: planted-pa55word }
    """
    And a secret 'key' with value:
    """yaml
    planted-key-4711
    """

  Scenario Outline: A Policy Becomes The Header Of The Call
    Given a workflow with definition:
    """yaml
    use:
      secrets: [ erp, key ]
      authentications: { named: { basic: { use: erp } } }
    do:
      - ask:
          call: http
          with: { method: get, endpoint: { uri: 'http://plant.example/it', authentication: <policy> }, output: response }
          output: { as: .statusCode }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    200
    """
    And the plant should have been asked at '/it' with headers:
    """yaml
    authorization: <header>
    """
    And nothing that can be read of the workflow should contain 'planted'

    Examples:
      | policy                                                                               | header                                        |
      | { basic: { use: erp } }                                                              | Basic cHJlc3MtdXNlcjpwbGFudGVkLXBhNTV3b3Jk    |
      | { use: named }                                                                       | Basic cHJlc3MtdXNlcjpwbGFudGVkLXBhNTV3b3Jk    |
      | { bearer: { token: '${ $secrets.key }' } }                                           | Bearer planted-key-4711                       |
      | { basic: { username: '${ $secrets.erp.username }', password: '${ $secrets.erp.password }' } } | Basic cHJlc3MtdXNlcjpwbGFudGVkLXBhNTV3b3Jk |

  Scenario: A Secret In A Header, A Query And A Body Arrives And Does Not Come Back
    Given a workflow with definition:
    """yaml
    use: { secrets: [ key ] }
    do:
      - ask:
          call: http
          with:
            method: post
            endpoint: http://plant.example/it
            headers: { X-Key: '${ $secrets.key }' }
            query: { key: '${ $secrets.key }' }
            body: { key: 'is ${ $secrets.key }' }
    """
    When the workflow is executed
    Then the workflow should complete
    And the plant should have been asked at '/it' with headers:
    """yaml
    x-key: planted-key-4711
    """
    And the plant should have been asked at '/it' with query:
    """yaml
    key: planted-key-4711
    """
    And the plant should have been asked at '/it' with body:
    """yaml
    key: is planted-key-4711
    """
    And nothing that can be read of the workflow should contain 'planted'

  Scenario: A Secret That Is Not Stored Is A Fault
    Given a workflow with definition:
    """yaml
    use: { secrets: [ gone ] }
    do: [ { ask: { call: http, with: { method: get, endpoint: 'http://plant.example/it', headers: { X-Key: '${ $secrets.gone }' } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'detail' property containing 'gone'
    And the plant should have been asked 0 times at '/it'

  Scenario: A Token Is Asked For And Sent
    Given an authority that hands out tokens
    And a workflow with definition:
    """yaml
    use: { secrets: [ poster ] }
    do:
      - ask:
          call: http
          with:
            method: post
            body: { part: 1 }
            output: response
            endpoint:
              uri: TOKEN_API
              authentication:
                oauth2:
                  authority: AUTHORITY
                  endpoints: { token: /oauth2/token }
                  grant: client_credentials
                  client: { id: poster, secret: '${ $secrets.poster }' }
          output: { as: .statusCode }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    200
    """
    And nothing that can be read of the workflow should contain 'p0st&secret'

  Scenario Outline: A Secret Flows Into Calls Only
    Given a workflow with definition:
    """yaml
    use: { secrets: [ key ] }
    do: [ { one: <task> } ]
    """
    When the workflow is validated
    Then it should be refused with secret-flow at '/do/0/one<where>'

    Examples:
      | task                                                                  | where            |
      | { set: { k: '${ $secrets.key }' } }                                   | /set/k           |
      | { if: '$secrets.key == "x"', set: { x: 1 } }                          | /if              |
      | { set: { x: 1 }, output: { as: '$secrets.key' } }                     | /output/as       |
      | { set: { x: 1 }, export: { as: '$secrets.key' } }                     | /export/as       |
      | { set: { x: 1 }, input: { from: '$secrets.key' } }                    | /input/from      |
      | { for: { in: '$secrets.key' }, do: [ { a: { set: { x: 1 } } } ] }     | /for/in          |
