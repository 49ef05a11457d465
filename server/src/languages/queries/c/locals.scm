; Scopes.
(translation_unit) @local.scope.module
(field_declaration_list) @local.scope.class
(function_definition) @local.scope.function
[
  (compound_statement)
  (for_statement)
  (if_statement)
  (while_statement)
  (preproc_function_def)
] @local.scope

; Functions are declared here and defined elsewhere, but not as parameters and types.
(parameter_declaration declarator: (function_declarator declarator: (identifier) @local.definition))
(type_definition declarator: (function_declarator declarator: (type_identifier) @local.definition))
(function_declarator declarator: [(identifier) (field_identifier)] @local.declaration)

; Definitions.
(parameter_declaration declarator: (identifier) @local.definition)
(init_declarator declarator: (identifier) @local.definition)
(init_declarator value: (_) @local.value) @local.binder
(declaration declarator: (identifier) @local.definition)
(function_definition declarator: (identifier) @local.definition.outer)
(pointer_declarator declarator: [(identifier) (type_identifier)] @local.definition)
(array_declarator declarator: [(identifier) (type_identifier)] @local.definition)
(parenthesized_declarator [(identifier) (type_identifier)] @local.definition)
(attributed_declarator [(identifier) (type_identifier)] @local.definition)
(type_definition declarator: (type_identifier) @local.definition)
(struct_specifier name: (type_identifier) @local.definition body: (_))
(union_specifier name: (type_identifier) @local.definition body: (_))
(enum_specifier name: (type_identifier) @local.definition body: (_))
(preproc_def name: (identifier) @local.definition)
(preproc_function_def name: (identifier) @local.definition.outer)
(preproc_params (identifier) @local.definition)

; Labels and members.
(enumerator name: (identifier) @local.label)
(field_expression field: (field_identifier) @local.member)

; All else uses a name.
[(identifier) (type_identifier)] @local.reference
(field_identifier) @local.label
