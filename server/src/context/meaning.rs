//! What a use of a name means: which definitions, by what it is asked of.

use std::cell::RefCell;

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
    owned: RefCell<FxHashMap<&'s Receiver, Owned<'s>>>,
}

impl<'s> Meanings<'s> {
    /// `above` is the text in front of the cursor.
    pub fn new(scope: &'s Scope<'s>, focus: &'s Focus, above: &'s str) -> Meanings<'s> {
        Meanings { scope, focus, above, owned: RefCell::default() }
    }

    /// The definitions that a name near the cursor may mean, each with how sure that is.
    pub fn near(&self, name: &'s str, owner: &'s Owner) -> Vec<(Definition<'s>, f32)> {
        let Owner::Value(receiver) = owner else { return self.by_itself(name, owner) };
        let mut known = self.owned.borrow_mut();
        let owned = known
            .entry(receiver)
            .or_insert_with(|| members::owned(self.scope, self.focus, receiver, self.above));
        self.member(name, owned)
    }

    /// The same for a name elsewhere in the file, where variables are not looked up.
    pub fn far(&self, name: &'s str, owner: &'s Owner) -> Vec<(Definition<'s>, f32)> {
        match owner {
            Owner::Value(receiver) => self.member(name, &members::owned_anywhere(self.scope, receiver)),
            _ => self.by_itself(name, owner),
        }
    }

    fn by_itself(&self, name: &'s str, owner: &Owner) -> Vec<(Definition<'s>, f32)> {
        if *owner == Owner::Nothing { self.scope.meant_bare(name) } else { self.scope.meant(name) }
    }

    fn member(&self, name: &'s str, owned: &Owned) -> Vec<(Definition<'s>, f32)> {
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
            return self.scope.nearest(name, |of: &Definition| container(of).is_some());
        }
        let sure = 1.0 / found.len() as f32;
        found.iter_mut().for_each(|(_, certainty)| *certainty = certainty.max(sure));
        found
    }
}

fn container<'d>(definition: &'d Definition) -> Option<&'d str> {
    definition.symbol.container.as_deref()
}
