; The keys of the outermost mapping; what is below them is data.
(document (block_node (block_mapping (block_mapping_pair key: (flow_node) @name) @definition.field)))
