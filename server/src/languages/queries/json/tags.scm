; The values of the outermost object are not torn where a text is cut for search. They are no symbols: what is called
; `name` or `version` here has nothing to do with what code calls so.
(document (object (pair key: (string (string_content) @name)) @scope))
