Feature: Calls By Other Protocols
  As an implementer of the workflow DSL
  I want to call whatever a plant has
  So that workflows reach everything

  Scenario: An OpenAPI Operation Is Called As Its Document Says
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: openapi
          with:
            document: { endpoint: 'http://plant.example/openapi.json' }
            operationId: movePart
            parameters: { id: '${ .id }', to: [ a, b ], as: [ c, d ], X-Line: P1, body: { speed: 3 } }
          output: { as: '{ method, path, query, line: .headers["x-line"] }' }
    """
    And given the workflow input is:
    """yaml
    id: a/b
    """
    And the plant answers '/openapi.json' with:
    """yaml
    body:
      openapi: 3.0.0
      servers: [ { url: 'http://plant.example/v1' } ]
      paths:
        /parts/{id}:
          put:
            operationId: movePart
            parameters:
              - { name: id, in: path, required: true }
              - { name: to, in: query, schema: { type: array } }
              - { name: as, in: query, schema: { type: array }, explode: false }
              - { name: X-Line, in: header }
            requestBody: { content: { application/json: {} } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { method: PUT, path: /v1/parts/a%2Fb, query: { to: b, as: 'c,d' }, line: P1 }
    """

  Scenario: An Operation That The Document Does Not Have Is A Fault
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          call: openapi
          with: { document: { endpoint: 'http://plant.example/other.json' }, operationId: gone }
    """
    And the plant answers '/other.json' with:
    """yaml
    body: { openapi: 3.0.0, servers: [ { url: 'http://plant.example' } ], paths: { /a: { get: { operationId: here } } } }
    """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'detail' property containing 'gone'

  Scenario: A gRPC Call Has The JSON Of Its Messages
    Given the gRPC service of a press line
    And a workflow with definition:
    """yaml
    do:
      - stop:
          call: grpc
          with:
            proto: { endpoint: 'LINE_PROTO' }
            service: { name: press.v1.Line, host: 127.0.0.1, port: LINE_PORT }
            method: Stop
            arguments: { press: 'P${ .press }', kind: KIND_ROUND }
          output: { as: '{ press, kind: .request.kind }' }
    """
    And given the workflow input is:
    """yaml
    press: 2
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { press: P2, kind: KIND_ROUND }
    """

  Scenario: A gRPC Stream Is A List
    Given the gRPC service of a press line
    And a workflow with definition:
    """yaml
    do:
      - watch:
          call: grpc
          with:
            proto: { endpoint: 'LINE_PROTO' }
            service: { name: press.v1.Line, host: 127.0.0.1, port: LINE_PORT }
            method: Watch
            arguments: { measurements: 3 }
          output: { as: '[ .[].count ]' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ '0', '1', '2' ]
    """

  Scenario Outline: A gRPC Status Is An Error
    Given the gRPC service of a press line
    And a workflow with definition:
    """yaml
    do:
      - fail:
          call: grpc
          with:
            proto: { endpoint: 'LINE_PROTO' }
            service: { name: press.v1.Line, host: 127.0.0.1, port: LINE_PORT }
            method: Fail
            arguments: { code: <code>, message: told so }
    """
    When the workflow is executed
    Then the workflow should fault with a <kind> error of status <status> at '/do/0/fail'
    And the workflow error should have a 'detail' property containing 'told so'

    Examples:
      | code              | kind           | status |
      | NOT_FOUND         | communication  | 404    |
      | UNAUTHENTICATED   | authentication | 401    |
      | PERMISSION_DENIED | authorization  | 403    |
      | INVALID_ARGUMENT  | validation     | 400    |

  Scenario: A Tool Of An MCP Server Is Called
    Given an MCP server
    And a workflow with definition:
    """yaml
    do:
      - add:
          call: mcp
          with:
            method: tools/call
            parameters: { name: add, arguments: { a: '${ .a }', b: 2 } }
            transport: { http: { endpoint: 'MCP_SERVER' } }
          output: { as: .structuredContent.total }
    """
    And given the workflow input is:
    """yaml
    a: 3
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    5
    """

  Scenario Outline: An MCP Server Is Asked What It Has
    Given an MCP server
    And a workflow with definition:
    """yaml
    do:
      - ask:
          call: mcp
          with:
            method: <method>
            parameters: <parameters>
            transport: { http: { endpoint: 'MCP_SERVER' } }
          output: { as: '<as>' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <output>
    """

    Examples:
      | method                   | parameters                                 | as                                   | output                  |
      | tools/list               | {}                                         | [ .tools[].name ] \| contains(["add"]) | true                    |
      | prompts/list             | {}                                         | .prompts[0].name                     | ask                     |
      | prompts/get              | { name: ask, arguments: { topic: presses } } | .messages[0].content.text          | Tell me about presses   |
      | resources/list           | {}                                         | .resources                           | []                      |
      | resources/templates/list | {}                                         | .resourceTemplates[0].uriTemplate    | sheet://{name}          |
      | resources/read           | { uri: 'sheet://defects' }                 | .contents[0].text                    | cells of defects        |

  Scenario: A Registered MCP Server Is Called By Its Name
    Given an MCP server
    And the MCP server is registered as 'adder'
    And a workflow with definition:
    """yaml
    do:
      - add:
          call: mcp.tool
          with: { server: adder, tool: add, arguments: { a: 1, b: '${ .b }' } }
          output: { as: '.structuredContent.total // .total' }
    """
    And given the workflow input is:
    """yaml
    b: 6
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    7
    """

  Scenario: A Server That Nobody Registered Is A Fault
    Given a workflow with definition:
    """yaml
    do: [ { add: { call: mcp.tool, with: { server: nobody, tool: add, arguments: {} } } } ]
    """
    When the workflow is executed
    Then the workflow should fault
    And the workflow error should have a 'detail' property containing 'nobody'

  Scenario: An Agent Answers
    Given an agent
    And a workflow with definition:
    """yaml
    do:
      - ask:
          call: a2a
          with:
            method: message/send
            agentCard: { endpoint: 'AGENT/.well-known/agent-card.json' }
            parameters:
              message: { parts: [ { kind: text, text: '${ .text }' } ] }
          output: { as: '.parts[0].text' }
    """
    And given the workflow input is:
    """yaml
    text: hello
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    Hello!
    """

  Scenario: What An Agent Streams Is A List
    Given an agent
    And a workflow with definition:
    """yaml
    do:
      - ask:
          call: a2a
          with:
            method: message/stream
            server: AGENT/
            parameters: { message: { parts: [ { kind: text, text: line-4 } ] } }
          output: { as: '[ .[] | .status.state // empty ]' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ submitted, working, completed ]
    """

  Scenario: An AsyncAPI Message Is Sent Over HTTP
    Given a workflow with definition:
    """yaml
    do:
      - tell:
          call: asyncapi
          with:
            document: { endpoint: 'http://plant.example/sent-http.json' }
            operation: report
            message: { payload: { line: '${ .line }' }, headers: { X-Shift: late } }
    """
    And given the workflow input is:
    """yaml
    line: P1
    """
    And the plant answers '/sent-http.json' with:
    """yaml
    body:
      asyncapi: 3.0.0
      servers: { web: { host: plant.example, protocol: http } }
      channels: { reports: { address: reports } }
      operations: { report: { action: send, channel: { $ref: '#/channels/reports' } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    null
    """
    And the plant should have been asked at '/reports' with body:
    """yaml
    line: P1
    """
    And the plant should have been asked at '/reports' with headers:
    """yaml
    x-shift: late
    """

  Scenario: An AsyncAPI Message Is Sent Over MQTT
    Given an MQTT broker
    And a workflow with definition:
    """yaml
    do:
      - tell:
          call: asyncapi
          with:
            document: { endpoint: 'http://plant.example/sent-mqtt.json' }
            operation: report
            server: { name: broker, variables: { line: '${ .line }' } }
            authentication: { basic: { username: '${ .user }', password: '${ .word }' } }
            message: { payload: { n: 1 } }
          output: { as: '"sent"' }
    """
    And given the workflow input is:
    """yaml
    { line: P1, user: BROKER_USER, word: BROKER_PASSWORD }
    """
    And the plant answers '/sent-mqtt.json' with:
    """yaml
    body:
      asyncapi: 3.0.0
      servers: { broker: { host: BROKER, protocol: mqtt, protocolVersion: '5.0' } }
      channels: { reports: { address: 'plant/{line}/reports', parameters: { line: {} } } }
      operations: { report: { action: send, channel: { $ref: '#/channels/reports' } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sent
    """
    And the broker should have got a message at 'plant/P1/reports'

  Scenario: AsyncAPI Messages Are Taken, And Something Is Done With Each
    Given an MQTT broker
    And a workflow with definition:
    """yaml
    do:
      - take:
          call: asyncapi
          with:
            document: { endpoint: 'http://plant.example/taken.json' }
            operation: readings
            authentication: { basic: { username: '${ .user }', password: '${ .word }' } }
            subscription:
              filter: ${ .payload.n > 1 }
              consume: { amount: 2 }
              foreach:
                item: reading
                at: place
                do: [ { note: { set: { n: '${ $reading.payload.n * 10 + $place }' } } } ]
                output: { as: .n }
    """
    And given the workflow input is:
    """yaml
    { user: BROKER_USER, word: BROKER_PASSWORD }
    """
    And the plant answers '/taken.json' with:
    """yaml
    body:
      asyncapi: 3.0.0
      servers: { broker: { host: BROKER, protocol: mqtt, protocolVersion: '5.0' } }
      channels: { readings: { address: readings } }
      operations: { readings: { action: receive, channel: { $ref: '#/channels/readings' } } }
    """
    When the workflow is started
    And the broker gets at 'readings':
    """yaml
    [ { n: 1 }, { n: 2 }, { n: 3 }, { n: 4 } ]
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    [ 20, 31 ]
    """
    And note should run 2 times
