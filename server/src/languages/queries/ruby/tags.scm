; Definitions. A function in a class becomes a method, because of the scope around it.
(method name: (_) @name) @definition.function
(singleton_method name: (_) @name) @definition.method
(alias name: (_) @name) @definition.method
(class name: [(constant) @name (scope_resolution name: (constant) @name)]) @definition.class
(module name: [(constant) @name (scope_resolution name: (constant) @name)]) @definition.module
(assignment left: (constant) @name) @definition.constant
(call
  method: (identifier) @_attribute
  arguments: (argument_list (simple_symbol) @name)
  (#any-of? @_attribute "attr_accessor" "attr_reader" "attr_writer")) @definition.field

; Imports.
(call
  method: (identifier) @_require
  arguments: (argument_list . (string (string_content) @import.path))
  (#any-of? @_require "require" "load")) @import
(call
  method: (identifier) @_require
  arguments: (argument_list . (string (string_content) @import.relative))
  (#eq? @_require "require_relative")) @import
