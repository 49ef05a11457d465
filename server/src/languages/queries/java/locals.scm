; Scopes.
(program) @local.scope.module
[
  (class_body)
  (interface_body)
  (enum_body)
  (annotation_type_body)
] @local.scope.class
[
  (class_declaration)
  (interface_declaration)
  (enum_declaration)
  (record_declaration)
] @local.scope
[
  (method_declaration)
  (constructor_declaration)
  (compact_constructor_declaration)
  (static_initializer)
] @local.scope.function
[
  (block)
  (constructor_body)
  (lambda_expression)
  (for_statement)
  (enhanced_for_statement)
  (catch_clause)
  (try_with_resources_statement)
  (switch_block)
  (switch_rule)
  (if_statement)
  (while_statement)
] @local.scope

; A constructor has the name of its type.
(constructor_declaration name: (identifier) @local.constructor)
(compact_constructor_declaration name: (identifier) @local.constructor)

; Definitions.
(class_declaration name: (identifier) @local.definition.outer)
(interface_declaration name: (identifier) @local.definition.outer)
(enum_declaration name: (identifier) @local.definition.outer)
(record_declaration name: (identifier) @local.definition.outer)
(annotation_type_declaration name: (identifier) @local.definition.hoisted)
(annotation_type_element_declaration name: (identifier) @local.definition.hoisted)
(method_declaration name: (identifier) @local.definition.outer)
(type_parameter (type_identifier) @local.definition.hoisted)
(field_declaration declarator: (variable_declarator name: (identifier) @local.definition.hoisted))
(constant_declaration declarator: (variable_declarator name: (identifier) @local.definition.hoisted))
(variable_declarator value: (_) @local.value) @local.binder
(enhanced_for_statement value: (_) @local.value) @local.binder
(resource value: (_) @local.value) @local.binder
(variable_declarator name: (identifier) @local.definition)
(formal_parameter name: (identifier) @local.definition)
(catch_formal_parameter name: (identifier) @local.definition)
(enhanced_for_statement name: (identifier) @local.definition)
(resource name: (identifier) @local.definition)
(lambda_expression parameters: (identifier) @local.definition)
(inferred_parameters (identifier) @local.definition)
(instanceof_expression name: (identifier) @local.definition)
(type_pattern (identifier) @local.definition)
(record_pattern_component (identifier) @local.definition)

; Labels.
(labeled_statement (identifier) @local.label)
(break_statement (identifier) @local.label)
(continue_statement (identifier) @local.label)
(enum_constant name: (identifier) @local.label)
(element_value_pair key: (identifier) @local.label)
(package_declaration (identifier) @local.label)

; All else uses a name.
[(identifier) (type_identifier)] @local.reference
