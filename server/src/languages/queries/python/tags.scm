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

; Names in strings: what a module exports, what a class has room for, types that are defined further below.
(module
  (expression_statement
    (assignment
      left: (identifier) @_list
      right: [
        (list (string (string_content) @reference))
        (tuple (string (string_content) @reference))
        (binary_operator [(list (string (string_content) @reference)) (tuple (string (string_content) @reference))])
      ]))
  (#eq? @_list "__all__"))
(module
  (expression_statement
    (augmented_assignment
      left: (identifier) @_list
      right: [
        (list (string (string_content) @reference))
        (tuple (string (string_content) @reference))
      ]))
  (#eq? @_list "__all__"))
(module
  (expression_statement
    (call
      function: (attribute object: (identifier) @_list)
      arguments: (argument_list [
        (string (string_content) @reference)
        (list (string (string_content) @reference))
      ])))
  (#eq? @_list "__all__"))
(class_definition
  body: (block
    (expression_statement
      (assignment
        left: (identifier) @_list
        right: [
          (list (string (string_content) @reference))
          (tuple (string (string_content) @reference))
        ])))
  (#any-of? @_list "__slots__" "__match_args__"))
(class_definition
  body: (block (expression_statement (assignment type: (type (string (string_content) @reference))))))
(typed_parameter type: (type (string (string_content) @reference)))
(typed_default_parameter type: (type (string (string_content) @reference)))
(function_definition return_type: (type (string (string_content) @reference)))
(generic_type
  (identifier) @_of
  (type_parameter (type (string (string_content) @reference)))
  (#not-any-of? @_of "Literal" "Annotated"))
