//! Suggestions for misspelt names.

/// The maximum length of a name that is compared, in bytes: typing errors are not longer.
const MAX_NAME_BYTES: usize = 64;

/// The similarity that a suggestion exceeds, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.8;

/// Returns the candidate that is most similar to this name, if one is similar enough.
pub(crate) fn did_you_mean<'c>(name: &str, candidates: &[&'c str]) -> Option<&'c str> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    candidates
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(similarity, _)| *similarity > MIN_SIMILARITY)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn only_similar_names_are_suggested() {
        let names = ["tenant", "policy"];
        assert_eq!(did_you_mean("tennant", &names), Some("tenant"));
        assert_eq!(did_you_mean("acl", &names), None);
        assert_eq!(did_you_mean(&"tenant".repeat(12), &names), None);
    }
}
