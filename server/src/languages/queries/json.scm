; The keys of the outermost object; what is below them is data.
(document (object (pair key: (string (string_content) @name)) @definition.field))
