//! The values of known keys, read as Vault reads them.

pub(super) mod control_group;
pub(super) mod duration;
pub(super) mod expiration;
pub(super) mod filter;
pub(super) mod integer;
pub(super) mod lifetime;
pub(super) mod parameters;
pub(super) mod text;

use super::{
    At, Item, Value,
    error::{Fault, Quoted},
};
use crate::suggestion::nearest;

/// The items with this key, in order.
fn named<'i>(items: &'i [Item], key: &str) -> impl Iterator<Item = &'i Item> {
    items.iter().filter(move |item| item.key() == key)
}

/// The value of a key that takes no labels.
fn plain(item: &Item) -> Result<&At<Value>, Fault> {
    match item.labels().first() {
        None => Ok(&item.value),
        Some(label) => {
            let expected = format!("no label after {}", Quoted(item.key()));
            Err(Fault::expected(label.at, &expected, Quoted(&label.value)))
        }
    }
}

/// What is in the block of an item.
pub(super) fn block(item: &Item) -> Result<&[Item], Fault> {
    match &item.value.value {
        Value::Block(items) => Ok(items),
        found => Err(Fault::expected(item.value.at, "a block", found)),
    }
}

/// Refuses the first item whose key is none of these. Case matters.
pub(super) fn known(items: &[Item], keys: &[&str]) -> Result<(), Fault> {
    let Some(unknown) = items.iter().find(|item| !keys.contains(&item.key())) else {
        return Ok(());
    };
    let key = unknown.key();
    let hint = match nearest(key, keys) {
        Some(nearest) => format!(": did you mean `{nearest}`?"),
        None => format!(", expected one of {}", keys.join(", ")),
    };
    Err(Fault::new(unknown.at(), format!("unknown key {}{hint}", Quoted(key))))
}
