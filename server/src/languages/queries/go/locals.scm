; Scopes.
(source_file) @local.scope.module
[(function_declaration) (method_declaration) (func_literal) (function_type)] @local.scope.function
[
  (block)
  (if_statement)
  (for_statement)
  (expression_switch_statement)
  (type_switch_statement)
  (expression_case)
  (default_case)
  (type_case)
  (communication_case)
] @local.scope
(type_spec) @local.scope

; Definitions.
(function_declaration name: (identifier) @local.definition.outer)
(source_file (const_declaration (const_spec name: (identifier) @local.definition.hoisted)))
(source_file (var_declaration (var_spec name: (identifier) @local.definition.hoisted)))
(source_file (var_declaration (var_spec_list (var_spec name: (identifier) @local.definition.hoisted))))
(const_spec name: (identifier) @local.definition)
(var_spec name: (identifier) @local.definition)
(type_spec name: (type_identifier) @local.definition.outer)
(type_alias name: (type_identifier) @local.definition.hoisted)
(parameter_declaration name: (identifier) @local.definition)
(variadic_parameter_declaration name: (identifier) @local.definition)
(type_parameter_declaration name: (identifier) @local.definition.hoisted)
(short_var_declaration left: (expression_list (identifier) @local.definition))
(range_clause left: (expression_list (identifier) @local.definition))
(receive_statement left: (expression_list (identifier) @local.definition))
(type_switch_statement alias: (expression_list (identifier) @local.definition))
(const_spec value: (_) @local.value) @local.binder
(var_spec value: (_) @local.value) @local.binder
(short_var_declaration right: (_) @local.value) @local.binder
(range_clause right: (_) @local.value) @local.binder
(receive_statement right: (_) @local.value) @local.binder
(type_switch_statement value: (_) @local.value) @local.binder

; Labels. A member may be a function of a package: what stands in front of it says.
(selector_expression field: (field_identifier) @local.reference)
(literal_element (identifier) @local.unclear)
(package_clause (package_identifier) @local.label)

; All else uses a name.
[(identifier) (type_identifier) (package_identifier)] @local.reference
(field_identifier) @local.label
