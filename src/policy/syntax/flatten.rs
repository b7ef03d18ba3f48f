use super::{
    super::{At, Item, Value, error::Fault},
    KEYS,
};

/// Turns objects that hold only objects into blocks with labels: `{"path": {"a": {...}}}` becomes
/// `path "a" {...}`. A list of objects becomes a block for each.
///
/// HCL does so wherever it finds such an object, intended or not: that is how Vault reads JSON.
pub(super) fn flatten(items: Vec<Item>) -> Result<Vec<Item>, Fault> {
    let mut flat = Vec::with_capacity(items.len());
    for item in items {
        spread(item, &mut flat)?;
    }
    for item in &mut flat {
        match &mut item.value.value {
            Value::Block(inner) => *inner = flatten(std::mem::take(inner))?,
            Value::List(values) => values.iter_mut().try_for_each(inside)?,
            _ => (),
        }
    }
    Ok(flat)
}

fn inside(value: &mut At<Value>) -> Result<(), Fault> {
    if let Value::Block(inner) = &mut value.value {
        *inner = flatten(std::mem::take(inner))?;
    }
    Ok(())
}

fn spread(item: Item, flat: &mut Vec<Item>) -> Result<(), Fault> {
    let Item { keys, value: At { value, at } } = item;
    match value {
        Value::Block(inner) if !inner.is_empty() && inner.iter().all(holds_block) => {
            for Item { keys: labels, value } in inner {
                if let Some(label) = labels.first().filter(|_| keys.len() >= KEYS) {
                    return Err(Fault::new(label.at, format!("expected at most {KEYS} labels")));
                }
                let keys = keys.iter().cloned().chain(labels).collect();
                spread(Item { keys, value }, flat)?;
            }
        }
        Value::List(values) if !values.is_empty() && values.iter().all(is_block) => {
            for value in values {
                spread(Item { keys: keys.clone(), value }, flat)?;
            }
        }
        value => flat.push(Item { keys, value: At::new(value, at) }),
    }
    Ok(())
}

fn holds_block(item: &Item) -> bool {
    is_block(&item.value)
}

fn is_block(value: &At<Value>) -> bool {
    matches!(value.value, Value::Block(_))
}
