; As in json.scm: tables are not torn, and are no symbols.
(table . (_) @name) @scope
(table_array_element . (_) @name) @scope
