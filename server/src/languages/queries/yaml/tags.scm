; As in json.scm: the values of the outermost mapping are not torn, and are no symbols.
(document (block_node (block_mapping (block_mapping_pair key: (flow_node) @name) @scope)))
