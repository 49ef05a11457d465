; Scopes.
(source_file) @local.scope.module
(mod_item body: (declaration_list) @local.scope.module)
(impl_item body: (declaration_list) @local.scope.members)
(trait_item body: (declaration_list) @local.scope.members)
[(impl_item) (trait_item) (struct_item) (enum_item) (union_item) (type_item)] @local.scope
[(function_item) (function_signature_item) (macro_definition)] @local.scope.function
[
  (block)
  (closure_expression)
  (for_expression)
  (if_expression)
  (while_expression)
  (match_arm)
] @local.scope

; Items are known in their whole scope.
(function_item name: (identifier) @local.definition.outer)
(function_signature_item name: (identifier) @local.definition.outer)
(struct_item name: (type_identifier) @local.definition.outer)
(enum_item name: (type_identifier) @local.definition.outer)
(union_item name: (type_identifier) @local.definition.outer)
(trait_item name: (type_identifier) @local.definition.outer)
(type_item name: (type_identifier) @local.definition.outer)
(associated_type name: (type_identifier) @local.definition.hoisted)
(macro_definition name: (identifier) @local.definition.outer)
(const_item name: (identifier) @local.definition.hoisted)
(static_item name: (identifier) @local.definition.hoisted)
(type_parameter name: (type_identifier) @local.definition.hoisted)
(const_parameter name: (identifier) @local.definition.hoisted)
(use_bounds (type_identifier) @local.reference)

; Locals. A constant or a type in a pattern is compared.
(let_declaration value: (_) @local.value) @local.binder
(let_condition value: (_) @local.value) @local.binder
(for_expression value: (_) @local.value) @local.binder
(tuple_struct_pattern type: (identifier) @local.reference)
(match_pattern condition: (identifier) @local.reference)
(let_declaration pattern: (identifier) @local.definition.pattern)
(let_condition pattern: (identifier) @local.definition.pattern)
(for_expression pattern: (identifier) @local.definition.pattern)
(parameter pattern: (identifier) @local.definition.pattern)
(variadic_parameter pattern: (identifier) @local.definition.pattern)
(closure_parameters (identifier) @local.definition.pattern)
(match_pattern . (identifier) @local.definition.pattern)
(tuple_struct_pattern (identifier) @local.definition.pattern)
(tuple_pattern (identifier) @local.definition.pattern)
(slice_pattern (identifier) @local.definition.pattern)
(or_pattern (identifier) @local.definition.pattern)
(ref_pattern (identifier) @local.definition.pattern)
(mut_pattern (identifier) @local.definition.pattern)
(reference_pattern (identifier) @local.definition.pattern)
(captured_pattern (identifier) @local.definition.pattern)
(field_pattern name: (shorthand_field_identifier) @local.definition.pattern)
(field_pattern pattern: (identifier) @local.definition.pattern)

; Labels and members.
(field_pattern name: (field_identifier) @local.label)
(mod_item name: (identifier) @local.label)
(enum_variant name: (identifier) @local.label)
(field_declaration name: (field_identifier) @local.label)
(field_initializer field: (field_identifier) @local.label)
(type_binding name: (type_identifier) @local.label)
(label (identifier) @local.label)
(lifetime (identifier) @local.label)
(field_expression field: (field_identifier) @local.member)

; All else uses a name.
[(identifier) (type_identifier)] @local.reference
(field_identifier) @local.label
(shorthand_field_identifier) @local.definition.pattern
