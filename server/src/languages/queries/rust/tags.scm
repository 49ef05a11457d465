; Definitions. A function in an `impl` or a trait becomes a method, because of the scope around it.
(function_item name: (identifier) @name) @definition.function
(function_signature_item name: (identifier) @name) @definition.function
(struct_item name: (type_identifier) @name) @definition.class
(enum_item name: (type_identifier) @name) @definition.class
(union_item name: (type_identifier) @name) @definition.class
(type_item name: (type_identifier) @name) @definition.class
(associated_type name: (type_identifier) @name) @definition.field
(trait_item name: (type_identifier) @name) @definition.interface
(mod_item name: (identifier) @name body: (_)) @definition.module
(macro_definition name: (identifier) @name) @definition.macro
(const_item name: (identifier) @name) @definition.constant
(static_item name: (identifier) @name) @definition.constant
(field_declaration name: (field_identifier) @name) @definition.field
(enum_variant name: (identifier) @name) @definition.field

; What gives members their container without being a definition.
(impl_item
  type: [
    (type_identifier) @name
    (primitive_type) @name
    (scoped_type_identifier name: (type_identifier) @name)
    (generic_type type: [(type_identifier) @name (scoped_type_identifier name: (type_identifier) @name)])
    (reference_type type: [(type_identifier) @name (generic_type type: (type_identifier) @name)])
    (dynamic_type trait: (type_identifier) @name)
  ]) @scope

; Imports. A use-tree is flattened in code; `mod name;` brings in a file.
(use_declaration argument: (_) @import.tree) @import
(extern_crate_declaration name: (identifier) @import.path alias: (identifier)? @import.name) @import
(mod_item name: (identifier) @import.module !body) @import

; Paths in strings, as serde has them.
(attribute_item
  (attribute
    (identifier) @_serde
    arguments: (token_tree (identifier) @_key . (string_literal (string_content) @reference)))
  (#eq? @_serde "serde")
  (#any-of? @_key
    "default" "with" "serialize_with" "deserialize_with" "skip_serializing_if" "getter" "remote" "from" "into"
    "try_from"))
(attribute_item
  (attribute
    (identifier) @_serde
    arguments: (token_tree "default" "=" . (string_literal (string_content) @reference)))
  (#eq? @_serde "serde"))
