; What documents and other rules name: classes, ids, custom properties, animations.
(rule_set (selectors (class_selector . (class_name) @name))) @definition.field
(rule_set (selectors (id_selector . (id_name) @name))) @definition.field
(keyframes_statement (keyframes_name) @name) @definition.field
(declaration (property_name) @name (#match? @name "^--")) @definition.field

; Imports.
(import_statement (string_value) @import.path) @import
(import_statement (call_expression (arguments [(string_value) (plain_value)] @import.path))) @import
