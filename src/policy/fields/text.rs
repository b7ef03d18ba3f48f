use super::{
    super::{At, Item, Value, error::Fault},
    named, plain,
};

/// The string under a key. The last of several counts; an integer is its own text.
pub(in crate::policy) fn text(items: &[Item], key: &str) -> Result<Option<At<String>>, Fault> {
    let mut last = None;
    for item in named(items, key) {
        let value = plain(item)?;
        last = Some(word(value)?);
    }
    Ok(last)
}

/// All strings in the lists under a key, in order.
pub(in crate::policy) fn texts(items: &[Item], key: &str) -> Result<Vec<At<String>>, Fault> {
    let mut all = Vec::new();
    for item in named(items, key) {
        append(item, &mut all)?;
    }
    Ok(all)
}

/// As [`texts`], of one item.
pub(super) fn append(item: &Item, all: &mut Vec<At<String>>) -> Result<(), Fault> {
    let value = plain(item)?;
    match &value.value {
        Value::List(values) => {
            for value in values {
                all.push(word(value)?);
            }
            Ok(())
        }
        // HCL takes an empty block for an empty list.
        Value::Block(inner) if inner.is_empty() => Ok(()),
        found => Err(Fault::expected(value.at, "a list of strings", found)),
    }
}

fn word(value: &At<Value>) -> Result<At<String>, Fault> {
    match &value.value {
        Value::Text(text) | Value::Integer(text) => Ok(At::new(text.clone(), value.at)),
        found => Err(Fault::expected(value.at, "a string", found)),
    }
}
