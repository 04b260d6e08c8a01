Feature: Lifecycle Events
  As an implementer of the workflow DSL
  I want instances to tell what they do
  So that others can act on it

  Scenario: Another Instance Hears That One Has Completed
    Given a published workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: scenarios, name: told, version: '1.0.0', metadata: { millwright: { lifecycleEvents: workflow } } }
    do: [ { a: { set: { n: 1 } } } ]
    """
    And a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - heard:
                  listen: { to: { one: { with: { type: io.serverlessworkflow.workflow.completed.v1, subject: '${ startswith("scenarios.told.") }' } } } }
                  output: { as: '.[0].output' }
              - told: { run: { workflow: { namespace: scenarios, name: told, version: '1.0.0' } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ { n: 1 }, { n: 1 } ]
    """

  Scenario: Another Instance Hears That A Task Has Faulted
    Given a published workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: scenarios, name: told-all, version: '1.0.0', metadata: { millwright: { lifecycleEvents: all } } }
    do: [ { jam: { raise: { error: { type: 'https://plant.example/jam', status: 503, title: Jam } } } } ]
    """
    And a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - heard:
                  listen: { to: { one: { with: { type: io.serverlessworkflow.task.faulted.v1, data: '${ .workflow | startswith("told-all-") }' } } } }
                  output: { as: '.[0] | [ .task, .error.title ]' }
              - told:
                  try: [ { it: { run: { workflow: { namespace: scenarios, name: told-all, version: '1.0.0' } } } } ]
                  catch: { do: [ { no: { set: { ok: false } } } ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ [ /do/0/jam, Jam ], { ok: false } ]
    """

  Scenario: Who Means Every Event Does Not Mean These
    Given a published workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: scenarios, name: told-quietly, version: '1.0.0', metadata: { millwright: { lifecycleEvents: all } } }
    do: [ { tell: { emit: { event: { with: { type: quiet.end } } } } } ]
    """
    And a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - heard:
                  listen: { read: envelope, to: { one: { with: { source: '.*/told-quietly/.*' } } } }
                  output: { as: '.[0].type' }
              - told: { run: { workflow: { namespace: scenarios, name: told-quietly, version: '1.0.0' } }, output: { as: .type } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ quiet.end, quiet.end ]
    """

  Scenario: Who Listens To Them Tells Nothing
    Given a workflow with definition:
    """yaml
    document: { dsl: '1.0.3', namespace: scenarios, name: echo, version: '1.0.0', metadata: { millwright: { lifecycleEvents: workflow } } }
    do: [ { heard: { listen: { to: { one: { with: { type: io.serverlessworkflow.workflow.started.v1 } } } } } } ]
    """
    When the workflow is validated
    Then it should be refused with endless-loop at '/do/0/heard/listen/to/one/with'
