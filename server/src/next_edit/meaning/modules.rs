//! Modules of JavaScript as values: `require('./a')`, `await import('./a')`, and `module.exports`.
//!
//! An export is renamed with its definition, as in `export { load }`. A destructured local keeps its name:
//! `const { load } = require('./a')` becomes `const { fetch: load } = require('./a')`.

use tree_sitter::Node;

use super::imported::{From, NOT_KNOWN};
use super::{Meaning, Named, Reader, field};
use crate::facts::Import;
use crate::languages::imports::ImportRules;
use crate::repository::imports;

impl Reader<'_> {
    /// What a member or a destructured name of a module means; `None` if it belongs to no module.
    pub(super) fn of_module(&self, named: &Named) -> Option<Meaning> {
        if self.imports_by != ImportRules::JavaScript {
            return None;
        }
        let parent = named.parent()?;
        let of_parent = field(parent, named.node);
        let path = match parent.kind() {
            "member_expression" if of_parent == Some("property") => {
                let object = parent.child_by_field_name("object")?;
                if matches!(&*self.place.text(object), "exports" | "module.exports") {
                    let is_export = self.is_home && self.exports();
                    return is_export.then_some(Meaning::Same);
                }
                self.module_of(object)?
            }
            "nested_type_identifier" if of_parent == Some("name") => {
                self.module_of(parent.child_by_field_name("module")?)?
            }
            "pair" if of_parent == Some("key") => return self.is_export_key(named).then_some(Meaning::Same),
            "object_pattern" => self.module_of_pattern(parent)?,
            "pair_pattern" if of_parent == Some("key") => self.module_of_pattern(parent.parent()?)?,
            "object_assignment_pattern" if of_parent == Some("left") => {
                self.module_of_pattern(parent.parent()?)?
            }
            _ => return None,
        };
        Some(self.in_value(&path))
    }

    /// Whether a name is an entry of `module.exports = { load }` for the definition: `load`, `load: load`.
    pub(super) fn is_export_key(&self, named: &Named) -> bool {
        let Some(parent) = named.parent().filter(|_| self.is_home) else { return false };
        let (object, value) = match parent.kind() {
            "object" => (Some(parent), Some(named.node)),
            "pair" => (parent.parent(), parent.child_by_field_name("value")),
            _ => return false,
        };
        let assigned = object.and_then(|object| object.parent());
        let is_exported = assigned.is_some_and(|node| is_exports(node, &|node| self.place.text(node)));
        is_exported && value.is_some_and(|value| self.is_either(&self.place.text(value)))
    }

    /// The old name as an export of the module at a path.
    fn in_value(&self, path: &str) -> Meaning {
        let name = &*self.change.was.name;
        match self.in_module(&From { path, name }) {
            Meaning::Same if self.exports() => Meaning::Same,
            Meaning::Same => Meaning::Unsure("the module may export something else under this name"),
            // A module that does not define it may pass it on.
            Meaning::Other if !self.defines(path, name) => NOT_KNOWN,
            meaning => meaning,
        }
    }

    /// What a member of an imported value means: it may be a namespace of the home.
    pub(super) fn in_imported(&self, path: &str) -> Meaning {
        let import = Import { path: path.into(), names: Vec::new(), line: 0 };
        let leads = self.with_index(|index, own, home| {
            let files = imports::resolve(index, own, &import);
            files.iter().any(|&file| file == home || imports::related(index, file).contains(&home))
        });
        if leads == Some(false) { Meaning::Other } else { NOT_KNOWN }
    }

    /// Whether the file that a path leads to defines the name.
    fn defines(&self, path: &str, name: &str) -> bool {
        let import = Import { path: path.into(), names: Vec::new(), line: 0 };
        let found = self.with_index(|index, own, _| {
            let files = imports::resolve(index, own, &import);
            files.iter().any(|&file| index.symbols(file).iter().any(|symbol| *symbol.name == *name))
        });
        found == Some(true)
    }

    /// The path of the module that an expression evaluates to.
    fn module_of(&self, value: Node) -> Option<String> {
        match value.kind() {
            "parenthesized_expression" => self.module_of(value.named_child(0)?),
            "await_expression" => self.called(value.named_child(0)?, "import"),
            // In a type, `import` has no `await`.
            "call_expression" => self.called(value, "require").or_else(|| self.called(value, "import")),
            "identifier" => self.module_of_variable(value),
            _ => None,
        }
    }

    /// The path in a call of `require` or `import`.
    fn called(&self, call: Node, function: &str) -> Option<String> {
        let called = call.child_by_field_name("function").filter(|_| call.kind() == "call_expression")?;
        let first = call.child_by_field_name("arguments")?.named_child(0)?;
        let is_called = self.place.text(called) == function && first.kind() == "string";
        is_called.then(|| self.place.text(first).trim_matches(['"', '\'']).to_owned())
    }

    /// The module that a variable holds. It must be bound only once.
    fn module_of_variable(&self, variable: Node) -> Option<String> {
        let all = super::named(self.place, &self.place.text(variable));
        let at = variable.byte_range();
        let reaching = all.iter().filter_map(|one| {
            let binding = self.binding(one).filter(|binding| binding.reaches(&at))?;
            Some((binding.length(), one))
        });
        let mut reaching: Vec<_> = reaching.collect();
        reaching.sort_by_key(|(length, _)| *length);
        let (length, named) = reaching.first()?;
        if reaching.get(1).is_some_and(|(other, _)| other == length) {
            return None;
        }
        let parent = named.parent()?;
        match parent.kind() {
            "variable_declarator" => {
                let value = parent.child_by_field_name("value").filter(|value| value.kind() != "identifier");
                self.module_of(value?)
            }
            _ => self.module_of_parameter(named.node),
        }
    }

    /// The module that an object pattern takes names from.
    fn module_of_pattern(&self, pattern: Node) -> Option<String> {
        let parent = pattern.parent().filter(|_| pattern.kind() == "object_pattern")?;
        match parent.kind() {
            "variable_declarator" => self.module_of(parent.child_by_field_name("value")?),
            _ => self.module_of_parameter(pattern),
        }
    }

    /// The module that a parameter receives: `import('./a').then(module => ...)`.
    fn module_of_parameter(&self, parameter: Node) -> Option<String> {
        let mut node = parameter.parent()?;
        if node.kind() == "required_parameter" {
            node = node.parent()?;
        }
        if node.kind() == "formal_parameters" {
            node = node.parent()?;
        }
        let is_function = matches!(node.kind(), "arrow_function" | "function_expression");
        let arguments = node.parent().filter(|node| is_function && node.kind() == "arguments")?;
        if arguments.named_child(0) != Some(node) {
            return None;
        }
        let then = arguments.parent()?.child_by_field_name("function")?;
        let is_then =
            then.child_by_field_name("property").is_some_and(|name| self.place.text(name) == "then");
        self.called(then.child_by_field_name("object").filter(|_| is_then)?, "import")
    }

    fn is_either(&self, text: &str) -> bool {
        text == &*self.change.was.name || text == &*self.change.is.name
    }

    /// Whether the home exports the definition under its own name. Its exports may have the new name already, or not.
    fn exports(&self) -> bool {
        let home = &self.change.home;
        let Some(tree) = home.tree() else { return false };
        let text = |node: Node| home.text.byte_slice(node.byte_range()).to_string();
        let is_name = |node: Option<Node>| node.is_some_and(|node| self.is_either(&text(node)));
        let is_own_line = |node: Node| self.change.is.lines.contains(&(node.start_position().row as u32));
        let is_entry = |entry: Node| match entry.kind() {
            "shorthand_property_identifier" => is_name(Some(entry)),
            "pair" => ["key", "value"].iter().all(|part| is_name(entry.child_by_field_name(part))),
            _ => false,
        };
        let is_assigned = |assignment: Node| {
            if is_exports(assignment, &text) {
                let object = assignment.child_by_field_name("right");
                return object.is_some_and(|object| {
                    let mut cursor = object.walk();
                    object.named_children(&mut cursor).any(is_entry)
                });
            }
            let (left, right) =
                (assignment.child_by_field_name("left"), assignment.child_by_field_name("right"));
            let Some(left) = left.filter(|left| left.kind() == "member_expression") else { return false };
            let object = left.child_by_field_name("object").map(text);
            matches!(object.as_deref(), Some("exports" | "module.exports"))
                && is_name(left.child_by_field_name("property"))
                && (is_name(right) || is_own_line(left))
        };
        let is_exported = |statement: Node| {
            let declared = statement.child_by_field_name("declaration");
            let mut cursor = statement.walk();
            let children: Vec<Node> = statement.named_children(&mut cursor).collect();
            let is_default = statement.child(1).is_some_and(|child| child.kind() == "default");
            let is_specified = |clause: &Node| {
                let mut cursor = clause.walk();
                clause.named_children(&mut cursor).any(|one| {
                    is_name(one.child_by_field_name("name")) && one.child_by_field_name("alias").is_none()
                })
            };
            declared.is_some_and(|declared| {
                !is_default
                    && declared.start_position().row as u32 <= self.change.is.lines.start
                    && self.change.is.lines.start <= declared.end_position().row as u32
            }) || children.iter().filter(|child| child.kind() == "export_clause").any(is_specified)
        };
        let root = tree.root_node();
        let mut cursor = root.walk();
        root.named_children(&mut cursor).any(|node| match node.kind() {
            "export_statement" => is_exported(node),
            "expression_statement" => node.named_child(0).is_some_and(is_assigned),
            _ => false,
        })
    }
}

/// Whether a node assigns an object to `module.exports`.
fn is_exports<T: AsRef<str>>(node: Node, text: &dyn Fn(Node) -> T) -> bool {
    let left = node.child_by_field_name("left").filter(|_| node.kind() == "assignment_expression");
    let is_object = node.child_by_field_name("right").is_some_and(|right| right.kind() == "object");
    is_object && left.is_some_and(|left| text(left).as_ref() == "module.exports")
}
