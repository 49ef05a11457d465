; Definitions. A function of a table is a method of it.
(function_declaration name: (identifier) @name) @definition.function
(function_declaration
  name: (dot_index_expression table: (_) @container field: (identifier) @name)) @definition.method
(function_declaration
  name: (method_index_expression table: (_) @container method: (identifier) @name)) @definition.method
(assignment_statement
  (variable_list . name: (identifier) @name)
  (expression_list . value: (function_definition body: (_)? @body))) @definition.function
(assignment_statement
  (variable_list . name: (dot_index_expression table: (_) @container field: (identifier) @name))
  (expression_list . value: (function_definition body: (_)? @body))) @definition.method
(chunk (variable_declaration (assignment_statement (variable_list name: (identifier) @name))) @definition.constant)
(chunk (variable_declaration (variable_list name: (identifier) @name)) @definition.constant)
(chunk (assignment_statement (variable_list name: (identifier) @name)) @definition.constant)
(table_constructor
  (field name: (identifier) @name value: (function_definition body: (_)? @body)) @definition.function)

; Imports.
(function_call
  name: (identifier) @_require
  arguments: (arguments . (string content: (_) @import.path))
  (#eq? @_require "require")) @import
(assignment_statement
  (variable_list . name: (identifier) @import.name)
  (expression_list
    . value: (function_call
      name: (identifier) @_require
      arguments: (arguments . (string))) @import)
  (#eq? @_require "require"))
