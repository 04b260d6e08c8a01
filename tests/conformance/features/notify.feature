Feature: Notifications
  As an implementer of the workflow DSL
  I want to tell people and programs
  So that somebody knows

  Scenario: A Webhook Gets Texts And Data
    Given a workflow with definition:
    """yaml
    do:
      - tell:
          call: notify
          with:
            webhook: { url: 'http://plant.example/told', type: line.stopped }
            title: 'Line ${ .line } stopped'
            text: Please come.
            data: { line: '${ .line }' }
          output: { as: '{ sent, channel, status }' }
    """
    And given the workflow input is:
    """yaml
    line: 4
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { sent: true, channel: webhook, status: 200 }
    """
    And the plant should have been asked 1 time at '/told'
    And the webhook at '/told' should have got:
    """yaml
    { type: line.stopped, title: Line 4 stopped, text: Please come., data: { line: 4 } }
    """

  Scenario: Slack Gets A Headline And A Text
    Given a secret 'slack' with value:
    """yaml
    http://plant.example/slack
    """
    And a workflow with definition:
    """yaml
    use: { secrets: [ slack ] }
    do: [ { tell: { call: notify, with: { slack: { url: '${ $secrets.slack }' }, title: Stopped, text: Please come. }, output: { as: .sent } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    true
    """
    And the plant should have been asked 1 time at '/slack'

  Scenario: The Same Key Is Told Once In A While
    Given a workflow with definition:
    """yaml
    do:
      - twice:
          for: { in: '[ 1, 2 ]' }
          do:
            - tell:
                call: notify
                with:
                  webhook: { url: 'http://plant.example/once' }
                  text: Stopped
                  deduplicate: { key: stopped-4, window: PT30M }
                export: { as: '{ told: (($context.told // []) + [ { sent: .sent, reason: .reason } ]) }' }
      - show: { set: '${ $context.told }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ { sent: true, reason: null }, { sent: false, reason: duplicate } ]
    """
    And the plant should have been asked 1 time at '/once'

  Scenario: No More Than So Many Are Sent
    Given a workflow with definition:
    """yaml
    do:
      - thrice:
          for: { in: '[ 1, 2, 3 ]' }
          do:
            - tell:
                call: notify
                with:
                  webhook: { url: 'http://plant.example/rate' }
                  text: 'Stopped ${ $item }'
                  rateLimit: { permits: 2, period: PT1H }
                export: { as: '{ told: (($context.told // []) + [ .sent ]) }' }
      - show: { set: '${ $context.told }' }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [ true, true, false ]
    """
    And the plant should have been asked 2 times at '/rate'

  Scenario: What Is Refused Is A Fault
    Given a workflow with definition:
    """yaml
    do: [ { tell: { call: notify, with: { webhook: { url: 'http://plant.example/gone' }, text: Stopped } } } ]
    """
    And the plant answers '/gone' with statuses 410
    When the workflow is executed
    Then the workflow should fault with a communication error of status 410 at '/do/0/tell'

  Scenario: A Secret Address Is Nowhere To Be Read
    Given a secret 'hook' with value:
    """yaml
    http://plant.example/planted-path-0815
    """
    And a workflow with definition:
    """yaml
    use: { secrets: [ hook ] }
    do: [ { tell: { call: notify, with: { webhook: { url: '${ $secrets.hook }' }, text: Stopped } } } ]
    """
    When the workflow is executed
    Then the workflow should complete
    And the plant should have been asked 1 time at '/planted-path-0815'
    And nothing that can be read of the workflow should contain 'planted-path-0815'

  Scenario: A Webhook Without An Address Is Refused
    Given a workflow with definition:
    """yaml
    do: [ { tell: { call: notify, with: { webhook: { url: plant.example }, text: Stopped } } } ]
    """
    When the workflow is validated
    Then it should be refused with function-arguments at '/do/0/tell/with/webhook/url'
