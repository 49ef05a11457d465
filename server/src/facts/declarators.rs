//! Declarators of C and C++: `**(*table)[4]` declares `table`.

use tree_sitter::Node;

/// Deeper nested declarators are ignored.
const DEEPEST: usize = 32;

/// The declared name.
pub(super) struct Declared<'t> {
    /// The node of its name.
    pub name: Node<'t>,
    /// The part of its name before the last `::`.
    pub container: Option<Node<'t>>,
    /// Whether it can be called, other than through a pointer.
    pub is_function: bool,
}

/// Finds the name in `declarator`.
pub(super) fn declared(declarator: Node<'_>) -> Option<Declared<'_>> {
    let (mut node, mut container, mut is_function) = (declarator, None, false);
    for _ in 0..DEEPEST {
        let inner = node.child_by_field_name("declarator");
        match node.kind() {
            "function_declarator" => {
                is_function = inner.is_some_and(|inner| inner.kind() != "parenthesized_declarator");
                node = inner?;
            }
            "qualified_identifier" => {
                let scope = node.child_by_field_name("scope");
                container = scope.map(|scope| scope.child_by_field_name("name").unwrap_or(scope));
                node = node.child_by_field_name("name")?;
            }
            "template_function" | "template_method" => node = node.child_by_field_name("name")?,
            "parenthesized_declarator" | "reference_declarator" | "attributed_declarator" => {
                node = node.named_child(0)?;
            }
            "operator_cast" => {
                return Some(Declared {
                    name: node.child_by_field_name("type")?,
                    container,
                    is_function: true,
                });
            }
            "identifier" | "field_identifier" | "type_identifier" | "primitive_type" | "destructor_name"
            | "operator_name" => return Some(Declared { name: node, container, is_function }),
            _ => node = inner?,
        }
    }
    None
}
