; What scripts, styles and links name.
(attribute
  (attribute_name) @_id
  (quoted_attribute_value (attribute_value) @name)
  (#eq? @_id "id")) @definition.field

; Imports.
(script_element
  (start_tag
    (attribute
      (attribute_name) @_src
      (quoted_attribute_value (attribute_value) @import.path)))
  (#eq? @_src "src")) @import
(start_tag
  (tag_name) @_link
  (attribute
    (attribute_name) @_href
    (quoted_attribute_value (attribute_value) @import.path))
  (#eq? @_link "link")
  (#eq? @_href "href")) @import
