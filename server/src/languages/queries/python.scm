; Definitions. A function in a class becomes a method, because of the scope around it.
(function_definition name: (identifier) @name) @definition.function
(class_definition name: (identifier) @name) @definition.class
(type_alias_statement left: (type (identifier) @name)) @definition.class
(module (expression_statement (assignment left: (identifier) @name) @definition.constant))
(module
  (expression_statement
    (assignment left: [(pattern_list (identifier) @name) (tuple_pattern (identifier) @name)]) @definition.constant))
(class_definition
  body: (block (expression_statement (assignment left: (identifier) @name) @definition.field)))
; What a constructor sets.
(function_definition
  name: (identifier) @constructor
  body: (block
    (expression_statement
      (assignment
        left: (attribute object: (identifier) @self attribute: (identifier) @name)) @definition.field))
  (#eq? @constructor "__init__")
  (#eq? @self "self"))

(function_definition body: (block . (expression_statement . (string) @doc)))
(class_definition body: (block . (expression_statement . (string) @doc)))

; Imports.
(import_statement name: (dotted_name . (identifier) @import.name) @import.path @import)
(import_statement
  name: (aliased_import name: (dotted_name) @import.path alias: (identifier) @import.name) @import)
(import_from_statement module_name: (_) @import.path) @import
(import_from_statement name: (dotted_name (identifier) @import.name .)) @import
(import_from_statement name: (aliased_import alias: (identifier) @import.name)) @import
(future_import_statement "__future__" @import.path) @import
