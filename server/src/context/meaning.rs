//! What a use of a name means: which definitions, by what it is asked of.

use std::cell::RefCell;
use std::hash::Hash;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::focus::{Focus, Owner, Receiver};
use super::members::{self, Owned};
use super::scope::Scope;
use crate::repository::index::Definition;

/// Looks up uses of names around a cursor.
pub struct Meanings<'s> {
    scope: &'s Scope<'s>,
    focus: &'s Focus,
    /// The text in front of the cursor.
    above: &'s str,
    /// What was found out already.
    near: Memo<&'s Receiver, Owned<'s>>,
    far: Memo<&'s Receiver, Owned<'s>>,
    members: Memo<&'s str, Meant<'s>>,
}

type Memo<K, V> = RefCell<FxHashMap<K, Rc<V>>>;
type Meant<'s> = Vec<(Definition<'s>, f32)>;

impl<'s> Meanings<'s> {
    /// `above` is the text in front of the cursor.
    pub fn new(scope: &'s Scope<'s>, focus: &'s Focus, above: &'s str) -> Meanings<'s> {
        let (near, far, members) = Default::default();
        Meanings { scope, focus, above, near, far, members }
    }

    /// The definitions that a name near the cursor may mean, each with how sure that is.
    pub fn near(&self, name: &'s str, owner: &'s Owner) -> Meant<'s> {
        let Owner::Value(receiver) = owner else { return self.by_itself(name, owner) };
        let owned =
            once(&self.near, receiver, || members::owned(self.scope, self.focus, receiver, self.above));
        self.member(name, &owned)
    }

    /// The same for a name elsewhere in the file, where variables are not looked up.
    pub fn far(&self, name: &'s str, owner: &'s Owner) -> Meant<'s> {
        let Owner::Value(receiver) = owner else { return self.by_itself(name, owner) };
        let owned = once(&self.far, receiver, || members::owned_anywhere(self.scope, receiver));
        self.member(name, &owned)
    }

    fn by_itself(&self, name: &'s str, owner: &Owner) -> Meant<'s> {
        if *owner == Owner::Nothing { self.scope.meant_bare(name) } else { self.scope.meant(name) }
    }

    fn member(&self, name: &'s str, owned: &Owned) -> Meant<'s> {
        let mut found = match owned {
            Owned::ByTypes(types) => {
                let is_its = |of: &Definition| container(of).is_some_and(|own| types.contains(&own));
                self.scope.nearest(name, is_its)
            }
            Owned::ByFile => {
                let is_its = |of: &Definition| Some(of.file) == self.scope.own && container(of).is_some();
                self.scope.nearest(name, is_its)
            }
            Owned::ByModules(files) => {
                let is_its = |of: &Definition| files.contains(&of.file) && container(of).is_none();
                self.scope.nearest(name, is_its)
            }
            Owned::Elsewhere => return Vec::new(),
            Owned::Unknown => Vec::new(),
        };
        if found.is_empty() {
            // What is inherited, or of a type that cannot be told.
            let any = || self.scope.nearest(name, |of: &Definition| container(of).is_some());
            return once(&self.members, name, any).to_vec();
        }
        let sure = 1.0 / found.len() as f32;
        found.iter_mut().for_each(|(_, certainty)| *certainty = certainty.max(sure));
        found
    }
}

/// What is known of a key, found out if it is not.
fn once<K: Hash + Eq, V>(known: &Memo<K, V>, key: K, find: impl FnOnce() -> V) -> Rc<V> {
    known.borrow_mut().entry(key).or_insert_with(|| Rc::new(find())).clone()
}

fn container<'d>(definition: &'d Definition) -> Option<&'d str> {
    definition.symbol.container.as_deref()
}
