; Scopes.
[
  (function_signature)
  (method_signature)
  (abstract_method_signature)
  (call_signature)
  (construct_signature)
  (function_type)
  (constructor_type)
] @local.scope.function
[
  (interface_body)
  (object_type)
  (enum_body)
] @local.scope.members
[
  (class_declaration)
  (abstract_class_declaration)
  (interface_declaration)
  (type_alias_declaration)
  (mapped_type_clause)
  (conditional_type)
] @local.scope

; Definitions.
(required_parameter pattern: (identifier) @local.definition.hoisted)
(optional_parameter pattern: (identifier) @local.definition.hoisted)
(function_signature name: (identifier) @local.definition.outer)
(class_declaration name: (type_identifier) @local.definition.outer)
(abstract_class_declaration name: (type_identifier) @local.definition.outer)
(interface_declaration name: (type_identifier) @local.definition.outer)
(type_alias_declaration name: (type_identifier) @local.definition.outer)
(enum_declaration name: (identifier) @local.definition.hoisted)
(internal_module name: (identifier) @local.definition.hoisted)
(module name: (identifier) @local.definition.hoisted)
(type_parameter name: (type_identifier) @local.definition.hoisted)
(mapped_type_clause name: (type_identifier) @local.definition.hoisted)
(infer_type (type_identifier) @local.definition.hoisted)
(index_signature name: (identifier) @local.label)

; All else uses a name.
(type_identifier) @local.reference
