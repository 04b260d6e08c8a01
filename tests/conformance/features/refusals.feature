Feature: Refusals
  As a process engineer
  I want mistakes to be found when I publish
  So that nothing surprises me when it runs

  Scenario Outline: What Is Wrong Is Named With Its Place
    Given a workflow with definition:
    """yaml
    <definition>
    """
    When the workflow is validated
    Then it should be refused with <code> at '<where>'

    Examples: The shape
      | definition                                                                  | code           | where                        |
      | do: [ { a: { set: { x: 1 }, iff: .x } } ]                                   | unknown-key    | /do/0/a/iff                  |
      | do: [ { a: { set: { x: 1 } } } ]\nextra: 1                                  | unknown-key    | /extra                       |
      | do: [ { a: { call: http, with: { method: get } } } ]                        | missing-key    | /do/0/a/with                 |
      | do: [ { a: { for: { each: x }, do: [] } } ]                                 | missing-key    | /do/0/a/for                  |
      | do: [ { a: { raise: { error: { type: 'https://a.example' } } } } ]          | missing-key    | /do/0/a/raise/error          |
      | do: [ { a: { try: [] } } ]                                                  | missing-key    | /do/0/a                      |
      | do: [ { a: { set: 5 } } ]                                                   | wrong-type     | /do/0/a/set                  |
      | do: [ { a: { set: { x: 1 }, then: 5 } } ]                                   | wrong-type     | /do/0/a/then                 |
      | do: { a: { set: { x: 1 } } }                                                | wrong-type     | /do                          |
      | do: [ { a: { set: { x: 1 }, if: } } ]                                       | wrong-type     | /do/0/a/if                   |
      | do: [ { a: { call: http, with: { method: get, endpoint: 'http://e.com', output: all } } } ] | wrong-value | /do/0/a/with/output |
      | do: [ { a: { sett: { x: 1 } } } ]                                           | task-kind      | /do/0/a                      |
      | do: [ { a: { set: { x: 1 }, wait: PT1S } } ]                                | task-kind      | /do/0/a                      |
      | do: [ { end: { set: { x: 1 } } } ]                                          | reserved-name  | /do/0/end                    |
      | do: [ { a: { for: { each: input, in: '[]' }, do: [] } } ]                   | reserved-name  | /do/0/a/for/each             |
      | do: [ { a: { wait: soon } } ]                                               | duration       | /do/0/a/wait                 |
      | do: [ { a: { wait: P1M } } ]                                                | duration       | /do/0/a/wait                 |
      | do: [ { a: { wait: { seconds: -1 } } } ]                                    | duration       | /do/0/a/wait                 |
      | do: [ { a: { wait: {} } } ]                                                 | duration       | /do/0/a/wait                 |
      | do: [ { a: { wait: { hours: 1, weeks: 2 } } } ]                             | unknown-key    | /do/0/a/wait/weeks           |
      | do: [ { a: { call: http, with: { method: get, endpoint: 'ftp://e.com' } } } ] | uri          | /do/0/a/with/endpoint        |
      | do: [ { a: { fork: { branches: [ { b: { set: { x: 1 } } } ], compete: 1 } } } ] | wrong-type | /do/0/a/fork/compete         |

    Examples: Where tasks lead
      | definition                                                                  | code             | where                      |
      | do: [ { a: { set: { x: 1 } } }, { a: { set: { x: 1 } } } ]                  | duplicate-name   | /do/1/a                    |
      | do: [ { a: { set: { x: 1 }, then: bb } }, { b: { set: { x: 1 } } } ]        | unknown-target   | /do/0/a/then               |
      | do: [ { a: { do: [ { i: { set: { x: 1 }, then: b } } ] } }, { b: { set: { x: 1 } } } ] | unknown-target | /do/0/a/do/0/i/then |
      | do: [ { a: { switch: [ { c: { when: .x, then: gone } } ] } } ]              | unknown-target   | /do/0/a/switch/0/c/then    |
      | do: [ { a: { set: { x: 1 }, then: a } } ]                                   | endless-loop     | /do/0/a                    |

    Examples: What names mean
      | definition                                                                  | code                | where                   |
      | do: [ { a: { call: gone } } ]                                               | unknown-function    | /do/0/a/call            |
      | do: [ { a: { raise: { error: gone } } } ]                                   | unknown-reference   | /do/0/a/raise/error     |
      | do: [ { a: { wait: PT1S, timeout: gone } } ]                                | unknown-reference   | /do/0/a/timeout         |
      | do: [ { a: { try: [], catch: { retry: gone } } } ]                          | unknown-reference   | /do/0/a/catch/retry     |
      | do: [ { a: { call: http, with: { method: get, endpoint: { uri: 'http://e.com', authentication: { use: gone } } } } } ] | unknown-reference | /do/0/a/with/endpoint/authentication/use |
      | use: { functions: { f: { call: f } } }\ndo: [ { a: { call: f } } ]          | recursive-function  | /use/functions/f        |
      | do: [ { a: { call: mcp.tool, with: { server: x } } } ]                      | function-arguments  | /do/0/a/with            |

    Examples: Expressions
      | definition                                                                  | code                | where                   |
      | do: [ { a: { set: { x: '${ .a + }' } } } ]                                  | expression-syntax   | /do/0/a/set/x           |
      | do: [ { a: { set: { x: '${ .a' } } } ]                                      | expression-syntax   | /do/0/a/set/x           |
      | do: [ { a: { if: '.a ==', set: { x: 1 } } } ]                               | expression-syntax   | /do/0/a/if              |
      | do: [ { a: { set: { x: '${ $gone }' } } } ]                                 | unknown-variable    | /do/0/a/set/x           |
      | do: [ { a: { try: [], catch: { as: e, when: '$error.status == 1' } } } ]    | unknown-variable    | /do/0/a/catch/when      |
      | do: [ { a: { for: { in: '[]' }, while: '', do: [] } } ]                     | expression-syntax   | /do/0/a/while           |
      | do: [ { a: { for: { in: '[]' }, do: [ { b: { set: { x: 1 }, metadata: { millwright: { compensate: [ { c: { set: { x: '${ $item }' } } } ] } } } } ] } } ] | unknown-variable | /do/0/a/do/0/b/metadata/millwright/compensate/0/c/set/x |
      | do: [ { a: { set: { x: '${ now }' } } } ]                                   | unknown-function    | /do/0/a/set/x           |
      | do: [ { a: { set: { x: '${ lenght }' } } } ]                                | unknown-function    | /do/0/a/set/x           |
      | evaluate: { language: js }\ndo: [ { a: { set: { x: 1 } } } ]                | expression-language | /evaluate/language      |

    Examples: Schemas and secrets
      | definition                                                                  | code             | where                            |
      | input: { schema: { document: { type: nonsense } } }\ndo: [ { a: { set: { x: 1 } } } ] | invalid-schema | /input/schema/document/type |
      | do: [ { a: { call: http, with: { method: get, endpoint: 'http://e.com', headers: { k: '${ $secrets.k }' } } } } ] | unknown-reference | /do/0/a/with/headers/k |
      | do: [ { a: { call: http, with: { method: get, endpoint: { uri: 'http://e.com', authentication: { bearer: { token: abc } } } } } } ] | literal-secret | /do/0/a/with/endpoint/authentication/bearer/token |

    Examples: Metadata of ours
      | definition                                                                  | code             | where                            |
      | do: [ { a: { set: { x: 1 }, metadata: { millwright: { retries: 1 } } } } ]  | unknown-key      | /do/0/a/metadata/millwright/retries |
      | do: [ { a: { wait: PT1S, metadata: { millwright: { priority: 9 } } } } ]    | wrong-value      | /do/0/a/metadata/millwright/priority |
      | do: [ { a: { set: { x: 1 }, metadata: { millwright: { compensate: gone } } } } ] | unknown-reference | /do/0/a/metadata/millwright/compensate |
      | do: [ { a: { call: http, with: { method: post, endpoint: 'http://e.com' }, metadata: { millwright: { local: true } } } } ] | wrong-value | /do/0/a/metadata/millwright/local |

  Scenario Outline: The Text Has To Be YAML Of One Document
    Given a workflow with the text '<text>'
    When the workflow is validated
    Then it should be refused with <code>

    Examples:
      | text                              | code               |
      | do: [                             | syntax             |
      | # nothing                         | empty-document     |
      | a: 1\n---\nb: 2                   | multiple-documents |

  Scenario Outline: Keys Are Read Strictly
    Given a workflow with definition:
    """yaml
    do: [ { a: { set: <set> } } ]
    """
    When the workflow is validated
    Then it should be refused with <code> at '<where>'

    Examples:
      | set              | code          | where          |
      | { x: 1, x: 2 }   | duplicate-key | /do/0/a/set/x  |
      | { x: *gone }     | alias         | /do/0/a/set/x  |
      | { x: !secret y } | custom-tag    | /do/0/a/set/x  |
      | { x: .inf }      | number        | /do/0/a/set/x  |
      | { x: 99999999999999999999 } | number | /do/0/a/set/x |

  Scenario Outline: A Workflow Needs A Name, A Version And A Language
    Given a workflow with definition:
    """yaml
    document: <document>
    do: [ { a: { set: { x: 1 } } } ]
    """
    When the workflow is validated
    Then it should be refused with <code> at '<where>'

    Examples:
      | document                                                                | code          | where               |
      | { dsl: '1.0.3', namespace: n, name: x }                                 | missing-key   | /document           |
      | { dsl: '1.0.3', namespace: n, name: 'a b', version: '1.0.0' }           | wrong-value   | /document/name      |
      | { dsl: '1.0.3', namespace: n, name: x, version: one }                   | wrong-value   | /document/version   |
      | { dsl: '0.8.0', namespace: n, name: x, version: '1.0.0' }               | dsl-version   | /document/dsl       |
      | { dsl: '1.0.3', namespace: instances, name: x, version: '1.0.0' }       | reserved-name | /document/namespace |

  Scenario: Everything That Is Wrong Is Told At Once
    Given a workflow with definition:
    """yaml
    do:
      - a: { set: { x: '${ .a + }' } }
      - a: { wait: soon, then: gone }
    """
    When the workflow is validated
    Then it should be refused with expression-syntax at '/do/0/a/set/x'
    And it should be refused with duplicate-name at '/do/1/a'
    And it should be refused with duration at '/do/1/a/wait'
    And it should be refused with unknown-target at '/do/1/a/then'

  Scenario Outline: Warnings Do Not Keep From Publishing
    Given a workflow with definition:
    """yaml
    input: { schema: { document: { type: object, properties: { line: { type: string } }, additionalProperties: false } } }
    do: [ { a: { set: { x: '<text>' } } } ]
    """
    And given the workflow input is:
    """yaml
    line: P1
    """
    When the workflow is validated
    Then it should be remarked with <code> at '/do/0/a/set/x'
    When the workflow is executed
    Then the workflow should complete

    Examples:
      | text           | code          |
      | ${ .lien }     | unknown-path  |
      | $context.line  | not-evaluated |

  Scenario Outline: A Task That Nothing Leads To Is Only Odd
    Given a workflow with definition:
    """yaml
    do: [ { a: { set: { x: 1 }, then: <then> } }, { b: { set: { x: 2 } } } ]
    """
    When the workflow is validated
    Then it should be remarked with unreachable-task at '/do/1/b'
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    x: 1
    """
    And b should not run

    Examples:
      | then |
      | end  |
      | exit |

  Scenario: What Is Right Has No Findings
    Given a workflow with definition:
    """yaml
    use:
      secrets: [ key ]
      functions: { f: { set: { x: 1 } } }
    do:
      - a: { if: .go, call: f, then: c }
      - b: { switch: [ { one: { when: .x, then: c } }, { other: { then: a } } ] }
      - c: { wait: PT1S }
    """
    When the workflow is validated
    Then there should be no findings

  Scenario: What Is Refused Is Not Published
    Given a workflow with definition:
    """yaml
    do: [ { a: { set: { x: '${ $gone }' } } } ]
    """
    Then publishing it should be refused
