/// Returns the count with the noun in its grammatical number: `1 policy`, `2 policies`, `0 errors`.
pub(in crate::cli) fn pluralize(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    if count == 1 {
        return format!("1 {noun}");
    }
    match noun.strip_suffix('y') {
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::pluralize;

    #[test]
    fn plural_of_y_is_ies() {
        let texts = [pluralize(1, "policy"), pluralize(2, "policy"), pluralize(0, "error")];
        assert_eq!(texts, ["1 policy", "2 policies", "0 errors"]);
    }
}
