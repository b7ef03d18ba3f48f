use super::{
    super::{HclItem, HclValue, Spanned, error::ParseError},
    items_with_key, unlabelled_value,
};

/// Returns the string value of a key. The last of several counts; integers are accepted as text.
pub(in crate::policy) fn string(
    items: &[HclItem],
    key: &str,
) -> Result<Option<Spanned<String>>, ParseError> {
    let mut last = None;
    for item in items_with_key(items, key) {
        let value = unlabelled_value(item)?;
        last = Some(one_string(value)?);
    }
    Ok(last)
}

/// Returns all strings in the lists of a key, in order.
pub(in crate::policy) fn string_list(
    items: &[HclItem],
    key: &str,
) -> Result<Vec<Spanned<String>>, ParseError> {
    let mut all = Vec::new();
    for item in items_with_key(items, key) {
        append(item, &mut all)?;
    }
    Ok(all)
}

/// Appends the strings in the list of one item.
pub(super) fn append(item: &HclItem, all: &mut Vec<Spanned<String>>) -> Result<(), ParseError> {
    let value = unlabelled_value(item)?;
    match &value.value {
        HclValue::List(values) => {
            for value in values {
                all.push(one_string(value)?);
            }
            Ok(())
        }
        // HCL reads an empty block as an empty list.
        HclValue::Block(inner) if inner.is_empty() => Ok(()),
        found => Err(ParseError::expected(value.at, "a list of strings", found)),
    }
}

fn one_string(value: &Spanned<HclValue>) -> Result<Spanned<String>, ParseError> {
    match &value.value {
        HclValue::Text(text) | HclValue::Integer(text) => Ok(Spanned::new(text.clone(), value.at)),
        found => Err(ParseError::expected(value.at, "a string", found)),
    }
}
