//! Parsers and checks of known keys, compatible with Vault's.

pub(super) mod control_group;
pub(super) mod duration;
pub(super) mod expiration;
pub(super) mod filter;
pub(super) mod integer;
pub(super) mod lifetime;
pub(super) mod parameters;
pub(super) mod text;

use super::{
    HclItem, HclValue, Spanned,
    error::{ParseError, Quoted},
};
use crate::suggestion::did_you_mean;

/// Returns the items with this key, in order.
fn items_with_key<'i>(items: &'i [HclItem], key: &str) -> impl Iterator<Item = &'i HclItem> {
    items.iter().filter(move |item| item.key() == key)
}

/// Returns the value of a key that takes no labels.
fn unlabelled_value(item: &HclItem) -> Result<&Spanned<HclValue>, ParseError> {
    match item.labels().first() {
        None => Ok(&item.value),
        Some(label) => {
            let expected = format!("no label after {}", Quoted(item.key()));
            Err(ParseError::expected(label.at, &expected, Quoted(&label.value)))
        }
    }
}

/// Returns the content of an item's block.
pub(super) fn block(item: &HclItem) -> Result<&[HclItem], ParseError> {
    match &item.value.value {
        HclValue::Block(items) => Ok(items),
        found => Err(ParseError::expected(item.value.at, "a block", found)),
    }
}

/// Fails on the first item whose key is not one of these, which are case-sensitive.
pub(super) fn check_keys(items: &[HclItem], keys: &[&str]) -> Result<(), ParseError> {
    let Some(unknown) = items.iter().find(|item| !keys.contains(&item.key())) else {
        return Ok(());
    };
    let key = unknown.key();
    let hint = match did_you_mean(key, keys) {
        Some(suggestion) => format!(": did you mean `{suggestion}`?"),
        None => format!(", expected one of {}", keys.join(", ")),
    };
    Err(ParseError::new(unknown.at(), format!("unknown key {}{hint}", Quoted(key))))
}
