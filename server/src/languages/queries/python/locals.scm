; Scopes. Blocks are none.
(module) @local.scope.module
(class_definition) @local.scope.members
[
  (function_definition)
  (lambda)
  (list_comprehension)
  (set_comprehension)
  (dictionary_comprehension)
  (generator_expression)
] @local.scope.function

; Labels and members.
(keyword_argument name: (identifier) @local.label)
(attribute attribute: (identifier) @local.reference)
(keyword_pattern . (identifier) @local.label)

; Names are known in their whole scope.
(function_definition name: (identifier) @local.definition.outer)
(class_definition name: (identifier) @local.definition.outer)
(parameters (identifier) @local.definition.hoisted)
(lambda_parameters (identifier) @local.definition.hoisted)
(default_parameter name: (identifier) @local.definition.hoisted)
(typed_parameter . (identifier) @local.definition.hoisted)
(typed_default_parameter name: (identifier) @local.definition.hoisted)
(list_splat_pattern (identifier) @local.definition.hoisted)
(dictionary_splat_pattern (identifier) @local.definition.hoisted)
(assignment left: (identifier) @local.definition.hoisted)
(augmented_assignment left: (identifier) @local.definition.hoisted)
(named_expression name: (identifier) @local.definition.hoisted)
(pattern_list (identifier) @local.definition.hoisted)
(tuple_pattern (identifier) @local.definition.hoisted)
(list_pattern (identifier) @local.definition.hoisted)
(for_statement left: (identifier) @local.definition.hoisted)
(for_in_clause left: (identifier) @local.definition.hoisted)
(as_pattern_target (identifier) @local.definition.hoisted)
(as_pattern_target (tuple (identifier) @local.definition.hoisted))
(as_pattern_target (list (identifier) @local.definition.hoisted))
(case_pattern (dotted_name . (identifier) @local.definition.hoisted .))
(keyword_pattern (dotted_name . (identifier) @local.definition.hoisted .))
(splat_pattern (identifier) @local.definition.hoisted)
(as_pattern (case_pattern) (identifier) @local.definition.hoisted)
(type_alias_statement left: (type (identifier) @local.definition.hoisted))
(type_parameter (type (identifier) @local.definition.hoisted))

; All else uses a name.
(identifier) @local.reference
