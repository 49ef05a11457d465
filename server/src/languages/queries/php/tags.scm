; Definitions.
(function_definition name: (name) @name) @definition.function
(method_declaration name: (name) @name) @definition.method
(class_declaration name: (name) @name) @definition.class
(enum_declaration name: (name) @name) @definition.class
(interface_declaration name: (name) @name) @definition.interface
(trait_declaration name: (name) @name) @definition.interface
(namespace_definition name: (namespace_name) @name) @definition.module
(property_declaration (property_element name: (variable_name (name) @name))) @definition.field
(property_promotion_parameter name: (variable_name (name) @name)) @definition.field
(enum_case name: (name) @name) @definition.field
(const_declaration (const_element . (name) @name)) @definition.constant

; Imports.
(namespace_use_declaration
  (namespace_use_clause [(name) @import.name (qualified_name (name) @import.name .)] @import.path !alias) @import)
(namespace_use_declaration
  (namespace_use_clause . [(name) (qualified_name)] @import.path alias: (name) @import.name) @import)
(namespace_use_declaration (namespace_name) @import.path) @import
(namespace_use_declaration
  body: (namespace_use_group (namespace_use_clause . (_) @import.name !alias))) @import
(namespace_use_declaration
  body: (namespace_use_group (namespace_use_clause alias: (name) @import.name))) @import
(include_expression (string) @import.path) @import
(include_once_expression (string) @import.path) @import
(require_expression (string) @import.path) @import
(require_once_expression (string) @import.path) @import
