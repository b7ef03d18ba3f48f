use std::{collections::HashMap, mem::discriminant, sync::Arc};

use super::{
    super::{
        At, Item, Value,
        error::{Fault, Quoted},
    },
    integer, named,
};

/// Checks `allowed_parameters` or `denied_parameters`, whose values stay what they are: every
/// parameter has a list, or a block, which is a list of one.
pub(in crate::policy) fn check(items: &[Item], key: &str) -> Result<(), Fault> {
    for item in named(items, key) {
        // `allowed_parameters "a" {...}` is the same as `allowed_parameters { a {...} }`.
        match item.labels() {
            [] => match &item.value.value {
                Value::Block(parameters) => parameters.iter().try_for_each(parameter)?,
                found => {
                    return Err(Fault::expected(item.value.at, "a block of parameters", found));
                }
            },
            [_] => values(&item.value)?,
            [_, second, ..] => return Err(label(second)),
        }
    }
    Ok(())
}

fn parameter(parameter: &Item) -> Result<(), Fault> {
    match parameter.labels().first() {
        None => values(&parameter.value),
        Some(found) => Err(label(found)),
    }
}

fn label(found: &At<Arc<str>>) -> Fault {
    Fault::expected(found.at, "no label after the parameter", Quoted(&found.value))
}

fn values(values: &At<Value>) -> Result<(), Fault> {
    match &values.value {
        Value::List(_) | Value::Block(_) => opaque(values),
        found => Err(Fault::expected(values.at, "a list of the parameter's values", found)),
    }
}

/// Any value, as long as Vault can hold it: numbers fit 64 bits, and a key that is written twice
/// has the same type of value both times.
fn opaque(value: &At<Value>) -> Result<(), Fault> {
    match &value.value {
        Value::Text(_) | Value::Bool(_) => Ok(()),
        Value::Integer(_) => integer::read(value).map(drop),
        Value::Float(text) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(()),
            _ => Err(Fault::new(value.at, format!("the number {} is too large", Quoted(text)))),
        },
        Value::List(values) => values.iter().try_for_each(opaque),
        Value::Block(items) => {
            of_one_type_each(items)?;
            items.iter().try_for_each(|item| opaque(&item.value))
        }
    }
}

fn of_one_type_each(items: &[Item]) -> Result<(), Fault> {
    let type_of = |item: &Item| (discriminant(&item.value.value), item.labels().is_empty());
    let mut types = HashMap::new();
    let mut before: Option<&Item> = None;
    for item in items {
        // JSON can hang many items on one long key, which is to be read once.
        let first = match before.filter(|before| same_key(before, item)) {
            Some(before) => type_of(before),
            None => *types.entry(item.key().to_lowercase()).or_insert_with(|| type_of(item)),
        };
        if first != type_of(item) {
            let message = format!("{} stands here twice, with two types", Quoted(item.key()));
            return Err(Fault::new(item.at(), message));
        }
        before = Some(item);
    }
    Ok(())
}

fn same_key(one: &Item, other: &Item) -> bool {
    let keys = one.keys.first().zip(other.keys.first());
    keys.is_some_and(|(one, other)| Arc::ptr_eq(&one.value, &other.value))
}
