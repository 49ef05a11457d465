; Definitions.
(function_definition name: (word) @name) @definition.function
(program (variable_assignment name: (variable_name) @name) @definition.constant)
(program (declaration_command (variable_assignment name: (variable_name) @name) @definition.constant))
(command
  name: (command_name) @_alias
  argument: (concatenation . (word) @name)
  (#eq? @_alias "alias")) @definition.function

; Imports.
(command
  name: (command_name) @_source
  . argument: [(word) (string) (raw_string) (concatenation)] @import.path
  (#any-of? @_source "source" ".")) @import
