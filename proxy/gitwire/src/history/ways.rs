//! Which trees lead to a wanted object, and through which of their entries.

use std::collections::HashMap;
use std::sync::Arc;

use gix_hash::ObjectId;

/// The ways from trees to what is wanted. Ids and names are numbered: histories name the same few again and again.
#[derive(Debug, Default)]
pub struct Ways {
    objects: HashMap<ObjectId, u32>,
    ids: Vec<ObjectId>,
    /// By number of a tree: its steps. Nothing for a tree that leads nowhere.
    steps: Vec<Box<[Step]>>,
    named: HashMap<Arc<[u8]>, u32>,
    names: Vec<Arc<[u8]>>,
}

/// An entry of a tree that is wanted, or leads to something wanted; one that is both is two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The number of its name, from [`Ways::name`].
    pub name: u32,
    /// The number of the object, from [`Ways::object`].
    pub to: u32,
    /// Whether it is a folder that leads on.
    pub leads: bool,
}

impl Ways {
    /// The number of an object.
    pub fn object(&mut self, id: &ObjectId) -> u32 {
        let next = self.ids.len() as u32;
        let number = *self.objects.entry(*id).or_insert(next);
        if number == next {
            self.ids.push(*id);
            self.steps.push(Box::default());
        }
        number
    }

    /// The number of a name.
    pub fn name(&mut self, name: &[u8]) -> u32 {
        if let Some(&number) = self.named.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        let name: Arc<[u8]> = name.into();
        self.names.push(Arc::clone(&name));
        self.named.insert(name, number);
        number
    }

    /// Says what the tree of this number leads to: what is wanted first, then folders, each in the tree's order.
    pub fn lead(&mut self, tree: u32, steps: Vec<Step>) {
        if let Some(place) = self.steps.get_mut(tree as usize) {
            *place = steps.into_boxed_slice();
        }
    }

    /// Objects that were given numbers, which are those below.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// The number of an object that was given one.
    pub(super) fn find(&self, id: &ObjectId) -> Option<u32> {
        self.objects.get(id).copied()
    }

    /// The entries of a tree that matter; none if it leads nowhere or is not part of the push.
    pub fn steps(&self, tree: u32) -> &[Step] {
        self.steps.get(tree as usize).map_or(&[], |steps| steps)
    }

    pub(super) fn id(&self, number: u32) -> Option<ObjectId> {
        self.ids.get(number as usize).copied()
    }

    pub(super) fn named(&self, number: u32) -> &[u8] {
        self.names.get(number as usize).map_or(&[], |name| name)
    }
}
