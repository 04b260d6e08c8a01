Feature: Call HTTP
  As an implementer of the workflow DSL
  I want to make HTTP requests
  So that workflows work with other systems

  Scenario Outline: Every Method Arrives
    Given a workflow with definition:
    """yaml
    do:
      - ask: { call: http, with: { method: <method>, endpoint: 'http://plant.example/it' }, output: { as: .method } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <arrives>
    """

    Examples:
      | method | arrives |
      | get    | GET     |
      | POST   | POST    |
      | put    | PUT     |
      | delete | DELETE  |
      | patch  | PATCH   |

  Scenario: Headers, Query And Body Arrive
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: http
          with:
            method: post
            endpoint: http://plant.example/orders?fixed=1
            headers: { X-Line: '${ .line }', X-Fixed: here }
            query: { part: 'No. ${ .part }', limit: '5' }
            body: { part: '${ .part }', list: [ '${ .line }' ] }
    """
    And given the workflow input is:
    """yaml
    { line: P1, part: 7 }
    """
    When the workflow is executed
    Then the plant should have been asked at '/orders' with query:
    """yaml
    { fixed: '1', part: 'No. 7', limit: '5' }
    """
    And the plant should have been asked at '/orders' with headers:
    """yaml
    { x-line: P1, x-fixed: here, content-type: application/json }
    """
    And the plant should have been asked at '/orders' with body:
    """yaml
    { part: 7, list: [ P1 ] }
    """

  Scenario: Headers And Query Can Be Expressions As A Whole
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: http
          with:
            method: get
            endpoint: http://plant.example/it
            headers: '${ { "x-line": .line } }'
            query: '${ { q: .line } }'
    """
    And given the workflow input is:
    """yaml
    line: P1
    """
    When the workflow is executed
    Then the plant should have been asked at '/it' with query:
    """yaml
    q: P1
    """
    And the plant should have been asked at '/it' with headers:
    """yaml
    x-line: P1
    """

  Scenario: A Text As Body Is Sent As It Is
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: http
          with:
            method: post
            endpoint: http://plant.example/it
            headers: { Content-Type: text/csv }
            body: "${ \"a;\\(.n)\" }"
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the plant should have been asked at '/it' with body:
    """yaml
    a;1
    """

  Scenario Outline: An Endpoint Is Filled In
    Given a workflow with definition:
    """yaml
    do:
      - ask: { call: http, with: { method: get, endpoint: <endpoint> }, output: { as: '{path, query}' } }
    """
    And given the workflow input is:
    """yaml
    { part: 'a b/c', host: plant.example, n: 7 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <output>
    """

    Examples:
      | endpoint                                             | output                                    |
      | 'http://plant.example/parts/{part}'                  | { path: /parts/a%20b%2Fc, query: {} }     |
      | 'http://plant.example/parts/${.n}'                   | { path: /parts/7, query: {} }             |
      | '${ "http://\(.host)/\(.n)" }'                       | { path: /7, query: {} }                   |
      | { uri: 'http://plant.example/{n}/x' }                | { path: /7/x, query: {} }                 |
      | '${ "http://plant.example/x?t=\(.part \| @uri)" }'   | { path: /x, query: { t: 'a b/c' } }       |

  Scenario: Content Is What The Answer Holds
    Given a workflow with definition:
    """yaml
    do: [ { ask: { call: http, with: { method: get, endpoint: 'http://plant.example/it', output: content } } } ]
    """
    And the plant answers '/it' with:
    """yaml
    body: [ 1, { a: null } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - 1
    - a: null
    """

  Scenario: Text Is Text
    Given a workflow with definition:
    """yaml
    do: [ { ask: { call: http, with: { method: get, endpoint: 'http://plant.example/it' } } } ]
    """
    And the plant answers '/it' with:
    """yaml
    headers: { content-type: text/plain }
    text: '{"not": "read"}'
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    '{"not": "read"}'
    """

  Scenario: Raw Is Base64
    Given a workflow with definition:
    """yaml
    do: [ { ask: { call: http, with: { method: get, endpoint: 'http://plant.example/it', output: raw } } } ]
    """
    And the plant answers '/it' with:
    """yaml
    text: '[1]'
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    WzFd
    """

  Scenario: A Response Has Status, Headers And Content
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: http
          with: { method: get, endpoint: 'http://plant.example/it', output: response }
          output: { as: '{status: .statusCode, kind: .headers["x-kind"], content, method: .request.method, uri: .request.uri}' }
    """
    And the plant answers '/it' with:
    """yaml
    { status: 201, headers: { x-kind: thing }, body: { a: 1 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { status: 201, kind: thing, content: { a: 1 }, method: get, uri: 'http://plant.example/it' }
    """

  Scenario: A Redirect Is A Fault
    Given a workflow with definition:
    """yaml
    do: [ { ask: { call: http, with: { method: get, endpoint: 'http://plant.example/moved' } } } ]
    """
    And the plant answers '/moved' with:
    """yaml
    { status: 302, headers: { location: 'http://plant.example/there' } }
    """
    When the workflow is executed
    Then the workflow should fault with a communication error of status 302 at '/do/0/ask'
    And the plant should have been asked 0 times at '/there'

  Scenario: A Redirect Can Be An Answer
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: http
          with: { method: get, endpoint: 'http://plant.example/moved', redirect: true, output: response }
          output: { as: .statusCode }
    """
    And the plant answers '/moved' with:
    """yaml
    { status: 302, headers: { location: 'http://plant.example/there' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    302
    """
    And the plant should have been asked 0 times at '/there'

  Scenario Outline: What The Other Side Says Becomes An Error
    Given a workflow with definition:
    """yaml
    do: [ { ask: { call: http, with: { method: post, endpoint: 'http://plant.example/it' } } } ]
    """
    And the plant answers '/it' with statuses <status>
    When the workflow is executed
    Then the workflow should fault with a <kind> error of status <status> at '/do/0/ask'

    Examples:
      | status | kind           |
      | 400    | communication  |
      | 401    | communication  |
      | 403    | communication  |
      | 404    | communication  |
      | 409    | communication  |
      | 500    | communication  |

  Scenario: Where Nobody Is Allowed To Go Nobody Goes
    Given a workflow with definition:
    """yaml
    do: [ { ask: { call: http, with: { method: get, endpoint: 'http://169.254.169.254/latest' } } } ]
    """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'detail' property containing '169.254.169.254'

  Scenario: A Name Missing For An Endpoint Is An Error
    Given a workflow with definition:
    """yaml
    do: [ { ask: { call: http, with: { method: get, endpoint: 'http://plant.example/{gone}' } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a expression error of status 400 at '/do/0/ask'
    And the workflow error should have a 'detail' property containing 'gone'
