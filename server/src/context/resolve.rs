//! Resolves the use of a name to definitions, by its qualifier.

use std::cell::RefCell;
use std::hash::Hash;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::focus::{Focus, Qualifier, Receiver};
use super::members::{self, ReceiverType};
use super::scope::Scope;
use crate::repository::index::Definition;

/// Resolves names near a cursor.
pub struct Resolver<'s> {
    scope: &'s Scope<'s>,
    focus: &'s Focus,
    /// The text before the cursor.
    above: &'s str,
    /// Cached results.
    near: Memo<&'s Receiver, ReceiverType<'s>>,
    far: Memo<&'s Receiver, ReceiverType<'s>>,
    members: Memo<&'s str, Resolved<'s>>,
}

type Memo<K, V> = RefCell<FxHashMap<K, Rc<V>>>;
type Resolved<'s> = Vec<(Definition<'s>, f32)>;

impl<'s> Resolver<'s> {
    /// `above` is the text before the cursor.
    pub fn new(scope: &'s Scope<'s>, focus: &'s Focus, above: &'s str) -> Resolver<'s> {
        let (near, far, members) = Default::default();
        Resolver { scope, focus, above, near, far, members }
    }

    /// The definitions that a name near the cursor may refer to, each with its certainty.
    pub fn near(&self, name: &'s str, qualifier: &'s Qualifier) -> Resolved<'s> {
        let Qualifier::Value(receiver) = qualifier else { return self.unqualified(name, qualifier) };
        let owned = once(&self.near, receiver, || {
            members::receiver_type(self.scope, self.focus, receiver, self.above)
        });
        self.member(name, &owned)
    }

    /// The same for a name elsewhere in the file, without looking up variables.
    pub fn far(&self, name: &'s str, qualifier: &'s Qualifier) -> Resolved<'s> {
        let Qualifier::Value(receiver) = qualifier else { return self.unqualified(name, qualifier) };
        let owned = once(&self.far, receiver, || members::receiver_type_anywhere(self.scope, receiver));
        self.member(name, &owned)
    }

    fn unqualified(&self, name: &'s str, qualifier: &Qualifier) -> Resolved<'s> {
        if *qualifier == Qualifier::None {
            self.scope.resolve_unqualified(name)
        } else {
            self.scope.resolve(name)
        }
    }

    fn member(&self, name: &'s str, owned: &ReceiverType) -> Resolved<'s> {
        let mut found = match owned {
            ReceiverType::Types(types) => {
                let is_its = |of: &Definition| container(of).is_some_and(|own| types.contains(&own));
                self.scope.nearest(name, is_its)
            }
            ReceiverType::OwnFile => {
                let is_its = |of: &Definition| Some(of.file) == self.scope.own && container(of).is_some();
                self.scope.nearest(name, is_its)
            }
            ReceiverType::Modules(files) => {
                let is_its = |of: &Definition| files.contains(&of.file) && container(of).is_none();
                self.scope.nearest(name, is_its)
            }
            ReceiverType::External => return Vec::new(),
            ReceiverType::Unknown => Vec::new(),
        };
        if found.is_empty() {
            // An inherited member, or one of an unknown type.
            let any = || self.scope.nearest(name, |of: &Definition| container(of).is_some());
            return once(&self.members, name, any).to_vec();
        }
        let sure = 1.0 / found.len() as f32;
        found.iter_mut().for_each(|(_, certainty)| *certainty = certainty.max(sure));
        found
    }
}

/// The cached value of a key, computed on first use.
fn once<K: Hash + Eq, V>(known: &Memo<K, V>, key: K, find: impl FnOnce() -> V) -> Rc<V> {
    known.borrow_mut().entry(key).or_insert_with(|| Rc::new(find())).clone()
}

fn container<'d>(definition: &'d Definition) -> Option<&'d str> {
    definition.symbol.container.as_deref()
}
