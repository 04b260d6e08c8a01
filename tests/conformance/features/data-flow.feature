Feature: Data Flow
  As an implementer of the workflow DSL
  I want data to be shaped and checked around every task
  So that each task gets what it needs and gives what it promises

  Scenario: Input From Shapes What A Task Sees
    Given a workflow with definition:
    """yaml
    do:
      - one: { input: { from: .order }, set: { part: '${ .part }', whole: '${ $input }' } }
    """
    And given the workflow input is:
    """yaml
    { order: { part: 7 }, other: 1 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { part: 7, whole: { part: 7 } }
    """

  Scenario: Filters May Be Objects
    Given a workflow with definition:
    """yaml
    input: { from: { a: '${ .x }', fixed: 1 } }
    do:
      - one: { input: { from: { b: '${ .a }' } }, set: { c: '${ .b }' }, output: { as: { d: '${ .c }' } } }
    output: { as: { e: '${ .d }', text: 'd is ${ .d }' } }
    """
    And given the workflow input is:
    """yaml
    x: 5
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { e: 5, text: d is 5 }
    """

  Scenario: The Schema Of The Input Is Checked Before Anything Is Done
    Given a workflow with definition:
    """yaml
    input: { schema: { document: { type: object, required: [ line ] } } }
    do: [ { one: { set: { x: 1 } } } ]
    """
    And given the workflow input is:
    """yaml
    press: 1
    """
    When the workflow is executed
    Then the workflow should fault with a validation error of status 400 at '/'
    And the workflow error should have a 'detail' property containing 'line'
    And one should not run

  Scenario: The Schema Of A Task's Input Looks At What Comes In
    Given a workflow with definition:
    """yaml
    do:
      - one:
          input: { schema: { document: { required: [ raw ] } }, from: .raw }
          set: { got: '${ . }' }
    """
    And given the workflow input is:
    """yaml
    raw: 5
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    got: 5
    """

  Scenario: The Schema Of A Task's Output Looks At What Goes Out
    Given a workflow with definition:
    """yaml
    do:
      - one: { set: { n: 1 }, output: { as: .n, schema: { document: { type: integer } } } }
      - two: { set: { n: many }, output: { as: .n, schema: { document: { type: integer } } } }
    """
    When the workflow is executed
    Then the workflow should fault with a validation error of status 400 at '/do/1/two'
    And one should be completed

  Scenario: The Schema Of The Workflow's Output Is Checked
    Given a workflow with definition:
    """yaml
    do: [ { one: { set: { n: many } } } ]
    output: { as: .n, schema: { document: { type: integer } } }
    """
    When the workflow is executed
    Then the workflow should fault with a validation error of status 400 at '/'

  Scenario: The Context Begins As The Input
    Given a workflow with definition:
    """yaml
    do:
      - one: { set: { x: 1 } }
      - two: { set: { context: '${ $context }' } }
    """
    And given the workflow input is:
    """yaml
    line: P1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    context: { line: P1 }
    """

  Scenario: Export Replaces The Context For All Tasks After It
    Given a workflow with definition:
    """yaml
    do:
      - one: { set: { n: 1 }, export: { as: '{ first: .n, all: $output }' } }
      - nested: { do: [ { two: { set: { n: 2 }, export: { as: '$context + { second: .n }' } } } ] }
      - three: { set: { context: '${ $context }' } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    context: { first: 1, all: { n: 1 }, second: 2 }
    """

  Scenario: Export Sees The Output As It Was Shaped
    Given a workflow with definition:
    """yaml
    do:
      - one: { set: { n: 1 }, output: { as: { m: '${ .n + 1 }' } }, export: { as: '{ seen: . }' } }
      - two: { set: '${ $context }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    seen: { m: 2 }
    """

  Scenario: The Schema Of An Export Is Checked
    Given a workflow with definition:
    """yaml
    do: [ { one: { set: { n: 1 }, export: { as: .n, schema: { document: { type: string } } } } } ]
    """
    When the workflow is executed
    Then the workflow should fault with a validation error of status 400 at '/do/0/one'

  Scenario: A Skipped Task Neither Shapes Nor Exports
    Given a workflow with definition:
    """yaml
    do:
      - one: { if: 'false', set: { n: 1 }, output: { as: '"never"' }, export: { as: '"never"' } }
      - two: { set: { input: '${ . }', context: '${ $context }' } }
    """
    And given the workflow input is:
    """yaml
    a: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { input: { a: 1 }, context: { a: 1 } }
    """

  Scenario: A Task Can Be Read
    Given a workflow with definition:
    """yaml
    do:
      - outer:
          do:
            - tell:
                set: { name: '${ $task.name }', where: '${ $task.reference }', kind: '${ $task.definition | has("set") }' , input: '${ $task.input }' }
    """
    And given the workflow input is:
    """yaml
    a: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { name: tell, where: /do/0/outer/do/0/tell, kind: true, input: { a: 1 } }
    """

  Scenario: The Workflow Can Be Read
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: scenarios, name: reads-itself, version: '2.1.0' }
    input: { from: .wrapped }
    do:
      - tell:
          set:
            name: ${ $workflow.definition.document.name }
            input: ${ $workflow.input }
            id: ${ $workflow.id }
            year: ${ $workflow.startedAt.iso8601[:2] }
            epoch: ${ $workflow.startedAt.epoch.seconds | type }
            runtime: ${ $runtime.name }
    """
    And given the workflow input is:
    """yaml
    wrapped: { a: 1 }
    """
    When the workflow is executed
    Then the workflow output should have a 'name' property with value:
    """yaml
    reads-itself
    """
    And the workflow output should have a 'input' property with value:
    """yaml
    wrapped: { a: 1 }
    """
    And the workflow output should have a 'runtime' property with value:
    """yaml
    millwright
    """
    And the workflow output should have a 'year' property matching '20'
    And the workflow output should have a 'epoch' property matching 'number'
    And the workflow output should have a 'id' property matching '.*reads-itself.*'

  Scenario: Arguments Of Calls Are Shaped As Well
    Given a workflow with definition:
    """yaml
    use: { functions: { echo: { set: { got: '${ . }' } } } }
    do:
      - one:
          input: { from: '{ n: .deep.n }' }
          call: echo
          with: { n: '${ .n }', of: '${ $input.n * 2 }' }
          output: { as: .got.of }
    """
    And given the workflow input is:
    """yaml
    deep: { n: 4 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    8
    """

  Scenario Outline: Every Kind Of Value Can Be An Input And An Output
    Given a workflow with definition:
    """yaml
    do: [ { same: { do: [] } } ]
    """
    And given the workflow input is:
    """yaml
    <value>
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    <value>
    """

    Examples:
      | value                   |
      | null                    |
      | true                    |
      | 12                      |
      | 1.5                     |
      | text                    |
      | []                      |
      | [ 1, [ 2 ], { a: [] } ] |
      | { a: { b: { c: null } } } |
      | 9223372036854775807     |
      | 'Grüße, 世界'           |
