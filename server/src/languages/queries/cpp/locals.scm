; Scopes.
(namespace_definition body: (declaration_list) @local.scope.module)
(linkage_specification body: (declaration_list) @local.scope.module)
(template_declaration) @local.scope.function
(lambda_expression) @local.scope.function
[
  (for_range_loop)
  (catch_clause)
] @local.scope

; A destructor has the name of its type, and a constructor, too.
(destructor_name (identifier) @local.constructor)
(function_declarator declarator: (qualified_identifier name: (identifier) @local.declaration))
(function_declarator
  declarator: (qualified_identifier name: (qualified_identifier name: (identifier) @local.declaration)))
(parameter_declaration
  declarator: (reference_declarator (function_declarator declarator: (identifier) @local.definition)))

; Definitions.
(optional_parameter_declaration declarator: (identifier) @local.definition)
(reference_declarator [(identifier) (type_identifier)] @local.definition)
(variadic_declarator (identifier) @local.definition)
(structured_binding_declarator (identifier) @local.definition)
(for_range_loop declarator: (identifier) @local.definition)
(for_range_loop right: (_) @local.value) @local.binder
(declaration value: (_) @local.value) @local.binder
(lambda_capture_initializer left: (identifier) @local.definition)
(alias_declaration name: (type_identifier) @local.definition)
(concept_definition name: (identifier) @local.definition)
(class_specifier name: (type_identifier) @local.definition body: (_))
(type_parameter_declaration (type_identifier) @local.definition)
(optional_type_parameter_declaration name: (type_identifier) @local.definition)
(variadic_type_parameter_declaration (type_identifier) @local.definition)
(pointer_type_declarator declarator: (type_identifier) @local.definition)

; Labels.
(field_initializer (field_identifier) @local.label)
(namespace_definition name: (namespace_identifier) @local.label)
(namespace_identifier) @local.reference
