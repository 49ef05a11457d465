; Definitions. What a declarator declares is found in code, however many `*` and `[]` are around its name; whether
; it is a function, too.
(function_definition declarator: (_) @declarator) @definition.function
(struct_specifier name: (type_identifier) @name body: (_)) @definition.class
(union_specifier name: (type_identifier) @name body: (_)) @definition.class
(enum_specifier name: (type_identifier) @name body: (_)) @definition.class
(type_definition declarator: (_) @declarator) @definition.class
(enumerator name: (identifier) @name) @definition.field
(field_declaration declarator: (_) @declarator) @definition.field
(preproc_def name: (identifier) @name value: (_)) @definition.macro
(preproc_function_def name: (identifier) @name) @definition.macro

; Prototypes and variables, outside functions.
(translation_unit (declaration declarator: (_) @declarator) @definition.constant)
(preproc_ifdef (declaration declarator: (_) @declarator) @definition.constant)
(preproc_if (declaration declarator: (_) @declarator) @definition.constant)
(preproc_elif (declaration declarator: (_) @declarator) @definition.constant)
(preproc_else (declaration declarator: (_) @declarator) @definition.constant)
(declaration_list (declaration declarator: (_) @declarator) @definition.constant)

; Imports.
(preproc_include path: [(string_literal) (system_lib_string)] @import.path) @import
