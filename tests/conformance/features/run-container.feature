Feature: Run Container
  As a process engineer
  I want to run tools that come as images
  So that nobody has to install them

  Scenario: A Container Gets Its Input And Gives Its Output
    Given the tenant may run containers of 'plant/tool:1.0'
    And a workflow with definition:
    """yaml
    do:
      - count:
          run:
            container:
              image: plant/tool:1.0
              name: ${ "press-" + .line }
              command: 'echo "$(wc -l) of $1 on $SHIFT at $(hostname)"'
              arguments: [ '${ .day }' ]
              environment: { SHIFT: night }
              stdin: ${ .parts | map(. + "\n") | add }
    """
    And given the workflow input is:
    """yaml
    { line: '4', day: Monday, parts: [ A, B ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    "2 of Monday on night at press-4\n"
    """

  Scenario Outline: The Image Says What Is Run
    Given the tenant may run containers of 'plant/tool:1.0'
    And a workflow with definition:
    """yaml
    do: [ { hello: { run: { container: { image: plant/tool:1.0<arguments> } } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <output>
    """

    Examples:
      | arguments                     | output            |
      |                               | "hello world\\n"  |
      | , arguments: [ press, four ]  | "hello press four\\n" |

  Scenario Outline: What Is Returned Is Chosen
    Given the tenant may run containers of 'plant/tool:1.0'
    And a workflow with definition:
    """yaml
    do:
      - fail:
          run:
            container: { image: plant/tool:1.0, command: 'echo out; echo err >&2; exit 3' }
            return: <return>
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <output>
    """

    Examples:
      | return | output                                        |
      | code   | 3                                             |
      | stderr | "err\\n"                                       |
      | all    | { code: 3, stdout: "out\\n", stderr: "err\\n" } |

  Scenario: A Container That Fails Is A Fault With Its Last Words
    Given the tenant may run containers of 'plant/tool:1.0'
    And a workflow with definition:
    """yaml
    do: [ { fail: { run: { container: { image: plant/tool:1.0, command: 'echo no oil >&2; exit 3' } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a runtime error of status 500 at '/do/0/fail'
    And the workflow error should have a 'detail' property containing 'Its last words: no oil'

  Scenario: A Container Sees Its Image And No Network
    Given the tenant may run containers of 'plant/tool:1.0'
    And a workflow with definition:
    """yaml
    do:
      - look:
          run:
            container:
              image: plant/tool:1.0
              command: 'pwd; cat data.txt; ls /home 2>/dev/null; tail -n +3 /proc/net/dev | wc -l'
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    "/work\nof the image\n1\n"
    """

  Scenario: A Computed Image That Nobody Allowed Is A Fault
    Given the tenant may run containers of 'plant/other:2.0'
    And a workflow with definition:
    """yaml
    do:
      - try:
          try:
            - it: { run: { container: { image: '${ "plant/tool:" + .tag }' } } }
          catch:
            errors: { with: { type: https://serverlessworkflow.io/spec/1.0.0/errors/authorization } }
            do: [ { told: { set: { refused: true } } } ]
    """
    And given the workflow input is:
    """yaml
    { tag: '1.0' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { refused: true }
    """

  Scenario: An Image That Is Allowed And Not There Is A Fault That Says Who Adds It
    Given the tenant may run containers of 'plant/other:2.0'
    And a workflow with definition:
    """yaml
    do: [ { it: { run: { container: { image: plant/other:2.0 } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a configuration error of status 500 at '/do/0/it'
    And the workflow error should have a 'detail' property containing 'millwright images add'

  Scenario: A Tenant That May Run No Containers Publishes None
    Given the tenant may run no containers
    And a workflow with definition:
    """yaml
    do: [ { it: { run: { container: { image: plant/tool:1.0 } } } } ]
    """
    When the workflow is validated
    Then it should be refused with not-enabled at '/do/0/it/run/container'

  Scenario Outline: What A Container Cannot Have Is Refused When It Is Published
    Given the tenant may run containers of 'plant/tool:1.0'
    And a workflow with definition:
    """yaml
    do: [ { it: { run: { container: { image: plant/tool:1.0, <part> } } } } ]
    """
    When the workflow is validated
    Then it should be refused with not-supported-yet at '/do/0/it/run/container/<where>'

    Examples:
      | part                         | where            |
      | ports: { '80': 8080 }        | ports            |
      | volumes: { /data: /data }    | volumes          |
      | pullPolicy: always           | pullPolicy       |
      | lifetime: { cleanup: never } | lifetime/cleanup |
