; What C++ has besides c.scm. Templates come first: of two patterns for one name the first holds.
(template_declaration
  (function_definition declarator: (_) @declarator body: (_)? @body)) @definition.function
(template_declaration
  (class_specifier name: [(type_identifier) @name (template_type name: (_) @name)] body: (_) @body)) @definition.class
(template_declaration
  (struct_specifier name: [(type_identifier) @name (template_type name: (_) @name)] body: (_) @body)) @definition.class
(template_declaration (alias_declaration name: (type_identifier) @name)) @definition.class
(template_declaration (concept_definition name: (identifier) @name)) @definition.interface
(class_specifier
  name: [
    (type_identifier) @name
    (template_type name: (_) @name)
    (qualified_identifier scope: (_) @container name: (type_identifier) @name)
  ]
  body: (_)) @definition.class
(struct_specifier
  name: [
    (template_type name: (_) @name)
    (qualified_identifier scope: (_) @container name: (type_identifier) @name)
  ]
  body: (_)) @definition.class
(alias_declaration name: (type_identifier) @name) @definition.class
(namespace_definition name: (_) @name) @definition.module
; Constructors and destructors.
(field_declaration_list (declaration declarator: (_) @declarator) @definition.field)
