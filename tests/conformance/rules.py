"""Every rule of the format's sections 1 to 5 and 9, each in one line of our own words.

A case names the rules it exercises; the report tells which no case names.
"""

from __future__ import annotations

_TEXT = """
1.1-names one of four flow file names is looked up in a folder; none is an error
1.1-two-files more than one flow file in a folder is refused
1.1-direct-file a flow may be given as a file; its suffix must be known
1.1-kind-by-content a top-level `entry` makes a flex flow whatever the file's name
1.1-yaml12-words yes, no, on, off are text; only true and false are booleans
1.1-yaml12-numbers 012 is 12, 1e3 a float, 1:30 text
1.1-yaml12-dates 2024-01-01 is a date
1.1-duplicate-keys a mapping with a key twice is an error
1.1-unknown-keys unknown keys of the flow and of nodes are ignored
1.2-name the flow's name defaults to its folder's
1.2-empty-sections inputs and outputs may be null or missing
1.2-environment-ignored `environment` means nothing to execution
1.2-env-scalars environment variables: scalars become their Python text
1.2-env-json environment variables: lists and mappings become JSON text
1.2-env-connection environment variables: ${conn.key} takes a connection's value
1.2-language python is the default language
1.2-message-format basic or openai-vision in any case; anything else is refused
1.2-legacy-tools `tools` may hold inline tool metadata that nodes name
1.2-input-type-required an input without type is an error
1.2-default-none an absent or null default makes the input required
1.2-default-falsy "", false, 0, [] and {} are real defaults
1.2-output-type-free an output's type is required but never enforced
1.2-output-fields description, evaluation_only and is_chat_output change no answer
1.2-chat-flags chat input, output and history flags make a chat flow
1.3-unknown-type an unknown input or output type fails while loading
1.3-int int accepts what Python's int() takes
1.3-double double accepts what Python's float() takes
1.3-bool bool accepts booleans and the words true and false only
1.3-string string is str() of anything
1.3-list list decodes text as JSON and insists on a list
1.3-object object decodes text as JSON if it can, else keeps it
1.3-other-types other types pass unchanged
1.3-parse-error a list's text that is no JSON is InputParseError
1.3-type-error any other misfit is InputTypeError
1.3-tool-type-case a tool's types are matched in any case
1.4-type-missing a node without type fails while loading
1.4-type-unknown an unknown node type fails while parsing
1.4-source-missing a node without source fails while loading
1.4-source-default the source's type defaults to code
1.4-module a node's `module` is imported at parse time
1.4-pairs only some pairs of node type and source type exist
1.4-nested-literal references inside lists and mappings are not resolved
1.4-reduce `reduce` is the old word for aggregation
1.4-comment comments and unknown node fields change nothing
1.5-whole-string only a whole string ${…} is a reference
1.5-no-trim blanks around a reference make it a literal
1.5-flow-prefix ${flow.x} is the old word for ${inputs.x}
1.5-input-dots everything after the first dot names the input
1.5-node-default ${n} means ${n.output}
1.5-section a section other than output is UnsupportedReference at run time
1.5-index-after-output ${n.output[0]} is not the index form
1.5-index ${n.output.[0]} is
1.5-property-word bare words index mappings
1.5-property-attribute bare words read attributes of other objects
1.5-property-quoted single-quoted bracket keys take any text
1.5-property-double double-quoted bracket keys work for one word only
1.5-property-hyphen a hyphen splits a bare word in two steps
1.5-property-negative [-1] becomes the word step 1
1.5-property-missing a missing key, index or attribute is InvalidReferenceProperty
1.5-property-typeerror indexing what cannot be indexed escapes as TypeError
1.6-default-variant a node with use_variants is replaced by its default variant
1.6-no-merge the replaced node's other fields are lost
1.6-chosen a variant can be chosen by ${node.id}
1.6-chosen-unknown an unknown node or variant is refused
1.6-unused node_variants without use_variants change nothing
1.7-includes additional includes are copied into the flow's folder
1.7-includes-zip an include foo.zip is made from the folder foo
1.7-includes-missing a missing include is UserErrorException
1.7-overrides connections and node inputs can be overridden for a test
1.8-order a tool that cannot be loaded is reported before topology
1.8-resolve-error failures of one node's tool name the node
1.8-duplicate-node two nodes of a name are DuplicateNodeName
1.8-cycle a cycle is NodeCircularDependency naming the nodes
1.8-node-not-found a reference to an unknown node is NodeReferenceNotFound
1.8-input-not-found a reference to an unknown input is InputReferenceNotFound
1.8-activate-input-unchecked activate's flow inputs are not checked while loading
1.8-normal-to-aggregation a normal node may not use an aggregation node
1.8-aggregation-activate an aggregation's condition may not use a normal node
1.8-output-empty an empty output reference is EmptyOutputReference
1.8-output-not-found an output of nothing known is OutputReferenceNotFound
1.8-output-aggregation an output of an aggregation node is dropped
1.8-activate-incomplete activate without when or is is FlowDefinitionError
1.8-invalid-source a missing script or template is InvalidSource
1.8-no-tool a script without a tool is NoToolDefined
1.8-many-tools a script with several tools is MultipleToolsDefined
1.8-load-error a script that raises while imported is PythonLoadError
1.8-package-tool a package tool that is not installed is PackageToolNotFoundError
1.8-literal-misfit a literal that does not fit the tool is NodeInputValidationError
1.8-connection-missing a missing connection fails while loading
1.8-connection-class a connection of the wrong class is refused
1.8-template-collision a template variable called like a parameter is refused
1.8-api-not-found an api the provider lacks is APINotFound
1.8-init-args constructor arguments of a class tool must be literals
1.8-init-raises a constructor that raises is ToolLoadError
1.8-tool-error an exception in a tool is ToolExecutionError with its node
1.8-promptflow-error a promptflow exception in a tool is not wrapped
1.8-file-order nodes may stand in any order; order is stable
1.8-batch-no-inputs a batch refuses a flow without inputs
2.1-defaults defaults fill absent inputs; a given null stays
2.1-default-coerced defaults are coerced like given values
2.1-extra-inputs undeclared inputs are passed along
2.1-invalid-inputs a line with invalid inputs fails before any node
2.1-serialise-fail an output that is no JSON marks the run failed
2.2-parallel nodes start when their own dependencies are done
2.2-async one coroutine tool makes the whole line asynchronous
2.2-async-generator async generator tools
2.2-contextvars the caller's context variables reach nodes
2.2-first-failure the first exception fails the line; queued nodes do not run
2.2-line-timeout a line that takes too long is LineExecutionTimeoutError
2.3-met a condition that holds runs the node
2.3-unmet a condition that does not hold bypasses it
2.3-equality the comparison is Python's equality
2.3-literal-when a literal may stand in `when`
2.3-input-when conditions use the coerced flow input
2.3-when-property conditions may use properties
2.3-condition-bypassed a condition on a bypassed node bypasses
2.3-met-all-bypassed a met condition runs the node whatever its inputs
2.3-all-bypassed without condition, all references bypassed means bypassed
2.3-some-bypassed some bypassed references do not stop a node
2.3-bypassed-default a bypassed input leaves the parameter's default
2.3-bypassed-none a bypassed input without default is None
2.3-bypassed-record a bypassed node has neither inputs nor output
2.3-output-bypassed a flow output of a bypassed node is None
2.3-output-bypassed-property with a property it fails
2.3-aggregation-bypassed aggregation sees None for a bypassed node
2.3-aggregation-condition aggregation nodes may have conditions
2.4-lists aggregation nodes get lists of line values
2.4-plain references among aggregation nodes are plain
2.4-literals literals are passed to aggregation unchanged
2.4-metrics log_metric collects metrics, the last one wins
2.4-metrics-outside log_metric outside aggregation does nothing
2.4-failure a failing aggregation node does not fail the line
2.4-flow-input flow inputs reach aggregation as lists
2.4-skipped-single a single test skips aggregation that uses no normal node
2.4-node-run one aggregation node run alone gets one-element lists
2.5-join an iterator in a flow output is joined to text
2.5-chunks chunks may be any type
2.5-intermediate a generator reaches the next node as an iterator
2.5-nested a generator inside a value picked by property is joined
2.5-llm-stream an llm node's stream is joined
2.6-fresh-module each node loads its script anew
2.6-main-block a __main__ block does not run; __file__ is absolute
2.6-helper helper modules of the folder can be imported
2.6-imported-tool imported tools do not count
2.6-class-tool a ToolProvider's method can be the tool
2.6-class-duplicate init and method may not share parameter names
2.6-kwargs **kwargs takes unknown inputs
2.6-enum an Enum parameter gets the plain text
2.6-optional Optional[X] is X
2.6-union a Union of other types is object
2.6-typing-list List[…] is object, not list
2.6-default-type an unannotated default gives the type
2.6-literal-null null and "" literals are dropped
2.6-literal-coerced literals are coerced to the annotation
2.6-reference-uncoerced values by reference are not coerced
2.6-unknown-input an unknown input is passed and fails in the call
2.6-original-function decorated tools expose the original function
2.6-nested-tool a tool called in a tool is a plain function
2.6-old-import `from promptflow import tool` works still
2.6-tool-options @tool takes options
2.6-node-unserialisable a node output that is no JSON is recorded as text
2.6-dataclass dataclasses and the like in node outputs
2.7-render prompts are jinja2, blocks trimmed, undefined empty
2.7-sandbox templates run in a sandbox
2.7-prompt-extra extra inputs of a prompt are ignored
2.7-prompt-image an image in a prompt is written as its digest
2.7-newline a template's last newline is kept
2.7-escape role words inside flow inputs do not become roles
2.7-provider the provider follows the connection's class
2.7-chat chat messages are sent as parsed
2.7-completion completion sends one prompt
2.7-options options are sent as given
2.7-roles role lines in any case, with an optional #
2.7-roles-first text before the first role fails
2.7-role-name a name/content block sets the message's name
2.7-role-tool tool and assistant tool_calls blocks
2.7-role-function function role blocks
2.7-azure-list Azure prints list variables line by line
2.7-tools tools and tool_choice
2.7-functions functions and function_call
2.7-response-format response_format
2.7-retry retries on 429 and 5xx honour Retry-After
2.7-no-retry other 4xx fail at once
2.7-image image lines of a chat message
2.7-custom-llm custom_llm with a package's prompt tool
2.8-package package tools by entry point
2.8-dynamic dynamic lists are a matter of the screen only
2.8-assistant assistant definitions
2.8-no-cache enable_cache changes no answer
2.9-image-in images as inputs
2.9-image-scan images nested in lists and objects
2.9-image-out images in outputs become files
2.9-vision the openai-vision message format
2.9-image-empty an empty image is refused
2.9-image-bytes an image is bytes with a kind
2.10-history chat history has a fixed shape
2.10-history-default a chat flow's history is empty by default
2.11-node-run one node runs with given upstream values
2.11-node-names node inputs may be named in several ways
2.11-node-missing missing or misfitting inputs of a node run
2.11-node-unknown an unknown node
2.11-activate-ignored a node run ignores activate
3.1-function a flex flow calls a function
3.1-class a class is made once and called per line
3.1-aggregate __aggregate__ gives metrics
3.1-init init parameters
3.1-init-error a constructor that fails
3.1-signature the signature comes from the code
3.1-defaults YAML defaults win over the code's
3.1-extra extra inputs are dropped
3.1-sample the sample serves where nothing is given
3.1-error exceptions are ScriptExecutionError
3.1-output plain outputs, dicts and dataclasses
3.1-generator generators are joined
3.1-async coroutine functions
3.1-missing missing module or function
3.2-split front matter and template
3.2-call inputs, defaults and samples
3.2-model model configuration
3.2-parameters parameters are sent as declared
3.2-env-file ${env:…} and ${file:…}
3.2-response response first and all
3.2-json JSON mode and outputs
3.2-images images in a prompty
3.2-roles role parsing and the injection guard
3.2-override overriding the configuration
4.1-formats csv, tsv, json and jsonl
4.1-empty no rows is EmptyInputsData
4.1-csv-text csv cells are text
4.1-missing-cells rows of differing keys
4.2-source whole-string ${source.column}
4.2-constants other values are constants
4.2-all-constants a mapping of constants only is refused
4.2-not-found unknown columns fail the whole run
4.2-implicit inputs without default come from data
4.2-default-not-implicit inputs with default are not taken from data
4.2-join sources are joined by line number
4.2-line-number-key a mapping for line_number is ignored
4.2-prefix growing dotted prefixes find the source
4.3-lines lines fail alone
4.3-aggregation aggregation over the completed lines
4.3-status a batch is Completed even if lines failed
4.3-timeout line timeouts
4.4-output outputs hold completed lines in order
4.4-eval a run over another run
4.4-env environment variables overwrite
5-classes connection classes and their fields
5-yaml connections from YAML
5-attributes attributes, keys and items of connections
5-custom custom connections
5-strong strong types are rebuilt from custom ones
5-needed which connections a flow needs
5-recorded connection inputs are recorded by name
5-secrets secrets are removed from logs
9.1 outputs that are dataclass, Enum, date, set, bytes fail; tuples become lists
9.2 a flow output's section is ignored
9.3 a flow without nodes key
9.4 unknown default variants and missing entries are refused
9.5 python nodes fail with the inner class; prompts and literals with ResolveToolError
9.6 the classes of missing connections, missing inputs and template errors
9.7 environment references to unknown keys stay; null becomes "None"
9.8 the literal max_tokens "inf" fails; empty ones are omitted
9.9 tools without a choice, unvalidated tools, empty functions
9.10 the exact bodies per provider
9.11 error codes of model errors
9.12 flex metadata errors
9.13 declared ports of a flex flow must match
9.14 coercion in flex flows
9.15 prompty corner cases
9.16 a failing generator; a generator read twice
9.17 when stream is forced
9.18 an image in an llm node is sent as text
9.19 aliases, types, lambdas, static methods, SystemExit
9.20 unchecked Enum literals, text annotations, future annotations
9.21 null and empty activate; "${}"
9.22 attributes of undefined raise; CRLF becomes LF
9.23 module globals are per node, helper modules shared
9.24 any JSON value is a metric; aggregation over nothing
9.25 batch corner cases
9.26 connections inside an assistant definition
9.27 modules of the flow folder shadow others
"""

RULES: dict[str, str] = dict(line.split(" ", 1) for line in _TEXT.strip().splitlines())
