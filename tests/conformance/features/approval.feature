Feature: Approvals
  As an implementer of the workflow DSL
  I want people to decide
  So that nothing goes on before they have

  Scenario: A Yes Lets The Workflow Go On
    Given a workflow with definition:
    """yaml
    do:
      - release:
          call: approval
          with: { title: Release, data: { lot: 7 }, candidates: { roles: [ admin ] }, allowRequester: true }
          output: { as: '{ approved, form }' }
    """
    When the workflow is started
    And the approval is approved
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    { approved: true, form: null }
    """

  Scenario: Nothing After It Has Begun Before
    Given a workflow with definition:
    """yaml
    do:
      - release: { call: approval, with: { title: Release, candidates: { roles: [ admin ] }, allowRequester: true } }
      - released: { set: { released: true } }
    """
    When the workflow is started
    And the workflow waits
    Then released should not have begun
    When the approval is approved
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    released: true
    """

  Scenario: What Was Filled In Is Part Of The Answer
    Given a workflow with definition:
    """yaml
    do:
      - release:
          call: approval
          with:
            title: Release
            form: { type: object, required: [ checked ], properties: { checked: { type: boolean } } }
            candidates: { roles: [ admin ] }
            allowRequester: true
          output: { as: .form }
    """
    When the workflow is started
    And the approval is approved with:
    """yaml
    checked: true
    """
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    checked: true
    """

  Scenario: What Does Not Fit The Form Is Refused
    Given a workflow with definition:
    """yaml
    do:
      - release:
          call: approval
          with:
            title: Release
            form: { type: object, required: [ checked ] }
            candidates: { roles: [ admin ] }
            allowRequester: true
    """
    When the workflow is started
    Then approving it should be refused with 422 for:
    """yaml
    note: looks good
    """

  Scenario: A No Is A Fault
    Given a workflow with definition:
    """yaml
    do: [ { release: { call: approval, with: { title: Release, candidates: { roles: [ admin ] }, allowRequester: true } } } ]
    """
    When the workflow is started
    And the approval is rejected
    And the workflow has ended
    Then the workflow should fault with a authorization error of status 403 at '/do/0/release'

  Scenario: A No Can Be An Answer
    Given a workflow with definition:
    """yaml
    do:
      - release:
          call: approval
          with: { title: Release, candidates: { roles: [ admin ] }, allowRequester: true, onReject: continue }
          output: { as: .approved }
    """
    When the workflow is started
    And the approval is rejected
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    false
    """

  Scenario: A No Can Be Caught
    Given a workflow with definition:
    """yaml
    do:
      - ask:
          try: [ { release: { call: approval, with: { title: Release, candidates: { roles: [ admin ] }, allowRequester: true } } } ]
          catch: { do: [ { back: { set: { returned: true } } } ] }
    """
    When the workflow is started
    And the approval is rejected
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    returned: true
    """

  Scenario: Who Has Started It Does Not Decide
    Given a workflow with definition:
    """yaml
    do: [ { release: { call: approval, with: { title: Release, candidates: { roles: [ admin ] } } } } ]
    """
    When the workflow is started
    Then approving it should be refused with 403 for:
    """yaml
    null
    """

  Scenario: Who Is No Candidate Does Not Decide
    Given a workflow with definition:
    """yaml
    do: [ { release: { call: approval, with: { title: Release, candidates: { users: [ ada@plant.example ] }, allowRequester: true } } } ]
    """
    When the workflow is started
    Then approving it should be refused with 403 for:
    """yaml
    null
    """

  Scenario: Time Decides When Nobody Does
    Given a workflow with definition:
    """yaml
    do:
      - release:
          call: approval
          with:
            title: Release
            candidates: { roles: [ admin ] }
            timeout: { after: { milliseconds: 200 }, then: approve }
          output: { as: .approved }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    true
    """

  Scenario: A Value Can Stand For The Answer
    Given a workflow with definition:
    """yaml
    do:
      - release:
          call: approval
          with:
            title: Release
            candidates: { roles: [ admin ] }
            timeout: { after: { milliseconds: 200 }, then: default, value: { kept: true } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    kept: true
    """

  Scenario: It Pauses Its Turn Of A Loop
    Given a workflow with definition:
    """yaml
    do:
      - lots:
          for: { in: '[ 1, 2 ]' }
          do:
            - release:
                call: approval
                with: { title: 'Release ${ $item }', data: { lot: '${ $item }' }, candidates: { roles: [ admin ] }, allowRequester: true }
                output: { as: .approved }
    """
    When the workflow is started
    And the approval is approved
    And the approval is approved
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    true
    """
    And release should run 2 times

  Scenario: A Notification That Ends Ends Nothing Else
    Given a workflow with definition:
    """yaml
    use:
      functions:
        tell: { do: [ { told: { set: { told: true }, then: end } } ] }
    do:
      - release:
          call: approval
          with: { title: Release, candidates: { roles: [ admin ] }, allowRequester: true, notify: tell }
          output: { as: '{ approved }' }
    """
    When the workflow is started
    And the approval is approved
    And the workflow has ended
    Then the workflow should complete with output:
    """yaml
    approved: true
    """
    And told should run 1 times
