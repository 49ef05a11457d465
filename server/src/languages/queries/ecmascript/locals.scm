; Scopes.
(program) @local.scope.module
(class_body) @local.scope.members
[
  (function_declaration)
  (generator_function_declaration)
  (function_expression)
  (generator_function)
  (arrow_function)
  (method_definition)
  (class_static_block)
] @local.scope.function
[
  (statement_block)
  (switch_body)
  (for_statement)
  (for_in_statement)
  (catch_clause)
] @local.scope

; `var` is known in the whole function, the others in their whole block.
(variable_declaration (variable_declarator name: (identifier) @local.definition.function))
(variable_declaration
  (variable_declarator name: (_ [(identifier) (shorthand_property_identifier_pattern)] @local.definition.function)))
(variable_declaration
  (variable_declarator
    name: (_ (_ [(identifier) (shorthand_property_identifier_pattern)] @local.definition.function))))
(for_in_statement kind: "var" left: (identifier) @local.definition.function)
(for_in_statement
  kind: "var"
  left: (_ [(identifier) (shorthand_property_identifier_pattern)] @local.definition.function))
(variable_declarator name: (identifier) @local.definition.hoisted)
(function_declaration name: (identifier) @local.definition.outer)
(generator_function_declaration name: (identifier) @local.definition.outer)
(function_expression name: (identifier) @local.definition.hoisted)
(generator_function name: (identifier) @local.definition.hoisted)
(class_declaration name: (_) @local.definition.hoisted)
(class name: (_) @local.definition.hoisted)
(arrow_function parameter: (identifier) @local.definition.hoisted)
(catch_clause parameter: (identifier) @local.definition.hoisted)
(for_in_statement left: (identifier) @local.definition.hoisted)
(array_pattern (identifier) @local.definition.hoisted)
(rest_pattern (identifier) @local.definition.hoisted)
(pair_pattern value: (identifier) @local.definition.hoisted)
(assignment_pattern left: (identifier) @local.definition.hoisted)
(assignment_expression left: (identifier) @local.definition.hoisted)
(augmented_assignment_expression left: (identifier) @local.definition.hoisted)
(shorthand_property_identifier_pattern) @local.definition.hoisted

; Labels. A member may be a function: what stands in front of it says.
(member_expression property: (_) @local.reference)
(pair key: (property_identifier) @local.label)
(pair_pattern key: (property_identifier) @local.label)
(method_definition name: (property_identifier) @local.label)

; All else uses a name.
[(identifier) (shorthand_property_identifier)] @local.reference
[(property_identifier) (private_property_identifier)] @local.label
