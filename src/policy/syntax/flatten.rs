use super::{
    super::{HclItem, HclValue, Spanned, error::ParseError},
    KEYS,
};

/// Turns objects that hold only objects into blocks with labels: `{"path": {"a": {...}}}` becomes
/// `path "a" {...}`. A list of objects becomes a block for each.
///
/// HCL does so for every such object, intended or not: Vault reads JSON this way.
pub(super) fn flatten(items: Vec<HclItem>) -> Result<Vec<HclItem>, ParseError> {
    let mut flat = Vec::with_capacity(items.len());
    for item in items {
        flatten_item(item, &mut flat)?;
    }
    for item in &mut flat {
        match &mut item.value.value {
            HclValue::Block(inner) => *inner = flatten(std::mem::take(inner))?,
            HclValue::List(values) => values.iter_mut().try_for_each(inside)?,
            _ => (),
        }
    }
    Ok(flat)
}

fn inside(value: &mut Spanned<HclValue>) -> Result<(), ParseError> {
    if let HclValue::Block(inner) = &mut value.value {
        *inner = flatten(std::mem::take(inner))?;
    }
    Ok(())
}

fn flatten_item(item: HclItem, flat: &mut Vec<HclItem>) -> Result<(), ParseError> {
    let HclItem { keys, value: Spanned { value, at } } = item;
    match value {
        HclValue::Block(inner) if !inner.is_empty() && inner.iter().all(holds_block) => {
            for HclItem { keys: labels, value } in inner {
                if let Some(label) = labels.first().filter(|_| keys.len() >= KEYS) {
                    return Err(ParseError::new(
                        label.at,
                        format!("expected at most {KEYS} labels"),
                    ));
                }
                let keys = keys.iter().cloned().chain(labels).collect();
                flatten_item(HclItem { keys, value }, flat)?;
            }
        }
        HclValue::List(values) if !values.is_empty() && values.iter().all(is_block) => {
            for value in values {
                flatten_item(HclItem { keys: keys.clone(), value }, flat)?;
            }
        }
        value => flat.push(HclItem { keys, value: Spanned::new(value, at) }),
    }
    Ok(())
}

fn holds_block(item: &HclItem) -> bool {
    is_block(&item.value)
}

fn is_block(value: &Spanned<HclValue>) -> bool {
    matches!(value.value, HclValue::Block(_))
}
