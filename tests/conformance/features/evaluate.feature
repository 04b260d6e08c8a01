Feature: Evaluation
  As an implementer of the workflow DSL
  I want to say how expressions are written
  So that definitions of others run as they are

  Scenario: In The Loose Mode Any Text May Be An Expression
    Given a workflow with definition:
    """yaml
    evaluate: { mode: loose }
    do: [ { a: { set: { sum: '.a + .b', text: 'hello world', failed: '.a + {}', deep: [ { x: .a } ] } } } ]
    """
    And given the workflow input is:
    """yaml
    { a: 1, b: 2 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { sum: 3, text: hello world, failed: '.a + {}', deep: [ { x: 1 } ] }
    """

  Scenario: In The Loose Mode What Gives Several Values Is A Text
    Given a workflow with definition:
    """yaml
    evaluate: { mode: loose }
    do: [ { a: { set: { price: '10,20', one: '.list[] | select(. > 1)', none: empty, first: '${ .list[] }' } } } ]
    """
    And given the workflow input is:
    """yaml
    { list: [ 1, 2 ] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { price: '10,20', one: 2, none: empty, first: 1 }
    """

  Scenario: In The Strict Mode A Text Is A Text
    Given a workflow with definition:
    """yaml
    evaluate: { mode: strict }
    do: [ { a: { set: { sum: '.a + .b' } } } ]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { sum: '.a + .b' }
    """

  Scenario: Arguments Of A Call Are Evaluated In The Loose Mode
    Given a workflow with definition:
    """yaml
    evaluate: { mode: loose }
    do: [ { a: { call: http, with: { method: post, endpoint: .where, body: { n: .n, text: plain text } } } } ]
    """
    And given the workflow input is:
    """yaml
    { where: 'http://plant.example/loose', n: 7 }
    """
    When the workflow is executed
    Then the workflow should complete
    And the plant should have been asked at '/loose' with body:
    """yaml
    { n: 7, text: plain text }
    """

  Scenario: Another Language Is Refused By Name
    Given a workflow with definition:
    """yaml
    evaluate: { language: javascript }
    do: [ { a: { set: { b: 1 } } } ]
    """
    When the workflow is validated
    Then it should be refused with expression-language at '/evaluate/language'
