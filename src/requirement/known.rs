use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::requirement::{RequirementError, Requirements};

/// How many query strings are kept in mind. A configuration has few; more come about when it puts
/// a tenant's name into them.
const MAX_KNOWN: usize = 4096;

/// The longest query string that is kept in mind, in bytes.
const MAX_LENGTH: usize = 512;

/// Requirements by the query string that they were written in, so that each is read once. What a
/// query string means depends on nothing else.
pub struct KnownRequirements(Cache<Box<str>, Arc<Requirements>>);

impl Default for KnownRequirements {
    fn default() -> Self {
        Self(Cache::new(MAX_KNOWN))
    }
}

impl KnownRequirements {
    /// The requirements in this query string, if it was read before.
    #[must_use]
    pub fn recall(&self, query: &str) -> Option<Arc<Requirements>> {
        self.0.get(query)
    }

    /// The requirements in this query string.
    ///
    /// # Errors
    /// As [`Requirements::parse`]; one that cannot be read is not kept.
    pub fn read(&self, query: &str) -> Result<Arc<Requirements>, RequirementError> {
        if let Some(requirements) = self.recall(query) {
            return Ok(requirements);
        }
        let requirements = Arc::new(Requirements::parse(query)?);
        if query.len() <= MAX_LENGTH {
            self.0.insert(query.into(), Arc::clone(&requirements));
        }
        Ok(requirements)
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownRequirements, MAX_KNOWN};
    use crate::requirement::Requirements;

    #[test]
    fn what_is_known_is_what_would_be_read() {
        let known = KnownRequirements::default();
        for query in ["", "policy=a", "tenant=acme&policy=a,b", "policy=a", "tenant=", "x=1", "x=1"]
        {
            assert_eq!(known.read(query).map(|all| (*all).clone()), Requirements::parse(query));
        }
    }

    #[test]
    fn a_flood_of_different_ones_does_not_fill_the_memory() {
        let known = KnownRequirements::default();
        for number in 0..MAX_KNOWN + 10 {
            known.read(&format!("policy=p{number}")).expect("a requirement");
        }
        assert!(known.0.len() <= MAX_KNOWN);
    }
}
