use std::{collections::HashMap, mem::discriminant, sync::Arc};

use super::{
    super::{
        HclItem, HclValue, Spanned,
        error::{ParseError, Quoted},
    },
    integer, items_with_key,
};

/// Checks `allowed_parameters` or `denied_parameters`, whose values are kept as written: every
/// parameter has a list, or a block, which counts as a list of one.
pub(in crate::policy) fn check(items: &[HclItem], key: &str) -> Result<(), ParseError> {
    for item in items_with_key(items, key) {
        // `allowed_parameters "a" {...}` is the same as `allowed_parameters { a {...} }`.
        match item.labels() {
            [] => match &item.value.value {
                HclValue::Block(parameters) => parameters.iter().try_for_each(parameter)?,
                found => {
                    return Err(ParseError::expected(
                        item.value.at,
                        "a block of parameters",
                        found,
                    ));
                }
            },
            [_] => values(&item.value)?,
            [_, second, ..] => return Err(label(second)),
        }
    }
    Ok(())
}

fn parameter(parameter: &HclItem) -> Result<(), ParseError> {
    match parameter.labels().first() {
        None => values(&parameter.value),
        Some(found) => Err(label(found)),
    }
}

fn label(found: &Spanned<Arc<str>>) -> ParseError {
    ParseError::expected(found.at, "no label after the parameter", Quoted(&found.value))
}

fn values(values: &Spanned<HclValue>) -> Result<(), ParseError> {
    match &values.value {
        HclValue::List(_) | HclValue::Block(_) => check_any_value(values),
        found => Err(ParseError::expected(values.at, "a list of the parameter's values", found)),
    }
}

/// Checks that Vault can represent the value: numbers fit 64 bits, and repeated keys have values
/// of one type.
fn check_any_value(value: &Spanned<HclValue>) -> Result<(), ParseError> {
    match &value.value {
        HclValue::Text(_) | HclValue::Bool(_) => Ok(()),
        HclValue::Integer(_) => integer::read(value).map(drop),
        HclValue::Float(text) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(()),
            _ => {
                Err(ParseError::new(value.at, format!("the number {} is too large", Quoted(text))))
            }
        },
        HclValue::List(values) => values.iter().try_for_each(check_any_value),
        HclValue::Block(items) => {
            of_one_type_each(items)?;
            items.iter().try_for_each(|item| check_any_value(&item.value))
        }
    }
}

fn of_one_type_each(items: &[HclItem]) -> Result<(), ParseError> {
    let type_of = |item: &HclItem| (discriminant(&item.value.value), item.labels().is_empty());
    let mut types = HashMap::new();
    let mut before: Option<&HclItem> = None;
    for item in items {
        // JSON can attach many items to one long key, which is compared once.
        let first = match before.filter(|before| same_key(before, item)) {
            Some(before) => type_of(before),
            None => *types.entry(item.key().to_lowercase()).or_insert_with(|| type_of(item)),
        };
        if first != type_of(item) {
            let message = format!("{} occurs twice with different types", Quoted(item.key()));
            return Err(ParseError::new(item.at(), message));
        }
        before = Some(item);
    }
    Ok(())
}

fn same_key(one: &HclItem, other: &HclItem) -> bool {
    let keys = one.keys.first().zip(other.keys.first());
    keys.is_some_and(|(one, other)| Arc::ptr_eq(&one.value, &other.value))
}
