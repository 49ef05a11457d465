; Scopes.
(compilation_unit) @local.scope.module
(namespace_declaration body: (declaration_list) @local.scope.module)
(declaration_list) @local.scope.class
(enum_member_declaration_list) @local.scope.class
[
  (class_declaration)
  (interface_declaration)
  (struct_declaration)
  (record_declaration)
  (delegate_declaration)
] @local.scope
[
  (method_declaration)
  (constructor_declaration)
  (destructor_declaration)
  (operator_declaration)
  (conversion_operator_declaration)
  (indexer_declaration)
  (property_declaration)
  (local_function_statement)
] @local.scope.function
[
  (block)
  (lambda_expression)
  (anonymous_method_expression)
  (accessor_declaration)
  (for_statement)
  (foreach_statement)
  (using_statement)
  (fixed_statement)
  (catch_clause)
  (switch_section)
  (switch_expression_arm)
  (if_statement)
  (while_statement)
  (query_expression)
] @local.scope

; A constructor has the name of its type.
(constructor_declaration name: (identifier) @local.constructor)
(destructor_declaration name: (identifier) @local.constructor)

; Definitions. A name in front of another node is its type.
(class_declaration name: (identifier) @local.definition.outer)
(interface_declaration name: (identifier) @local.definition.outer)
(struct_declaration name: (identifier) @local.definition.outer)
(record_declaration name: (identifier) @local.definition.outer)
(enum_declaration name: (identifier) @local.definition.hoisted)
(delegate_declaration name: (identifier) @local.definition.outer)
(method_declaration name: (identifier) @local.definition.outer)
(local_function_statement name: (identifier) @local.definition.outer)
(property_declaration name: (identifier) @local.definition.outer)
(event_declaration name: (identifier) @local.definition.hoisted)
(type_parameter name: (identifier) @local.definition.hoisted)
(field_declaration (variable_declaration (variable_declarator name: (identifier) @local.definition.hoisted)))
(event_field_declaration (variable_declaration (variable_declarator name: (identifier) @local.definition.hoisted)))
(variable_declarator name: (identifier) @local.definition)
(parameter name: (identifier) @local.definition)
(parameter_list name: (identifier) @local.definition)
(bracketed_parameter_list name: (identifier) @local.definition)
(implicit_parameter) @local.definition
(declaration_expression name: (identifier) @local.definition)
(declaration_pattern name: (identifier) @local.definition)
(recursive_pattern name: (identifier) @local.definition)
(list_pattern name: (identifier) @local.definition)
(var_pattern name: (identifier) @local.definition)
(parenthesized_variable_designation name: (identifier) @local.definition)
(tuple_pattern name: (identifier) @local.definition)
(foreach_statement left: (identifier) @local.definition)
(foreach_statement right: (_) @local.value) @local.binder
(catch_declaration name: (identifier) @local.definition)
(from_clause name: (identifier) @local.definition)
(let_clause . (identifier) @local.definition)
(join_clause . (identifier) @local.definition)
(join_into_clause (identifier) @local.definition)

; Labels.
(labeled_statement . (identifier) @local.label)
(goto_statement (identifier) @local.label)
(enum_member_declaration name: (identifier) @local.label)
(namespace_declaration name: (identifier) @local.label)
(file_scoped_namespace_declaration name: (identifier) @local.label)
(argument name: (identifier) @local.label)
(attribute_argument name: (identifier) @local.label)
(tuple_element name: (identifier) @local.label)
(with_initializer . (identifier) @local.label)
(subpattern . (identifier) @local.label)

; All else uses a name.
(identifier) @local.reference
