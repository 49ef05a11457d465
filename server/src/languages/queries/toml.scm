; Tables and the keys above them; what is below is data.
(table . [(bare_key) (dotted_key) (quoted_key)] @name) @definition.module
(document (pair . [(bare_key) (dotted_key) (quoted_key)] @name) @definition.field)
