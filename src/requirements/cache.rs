use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::requirements::{RequirementError, Requirements};

/// The maximum number of cached query strings. A configuration has few, but more occur where it
/// inserts the tenant's name.
const MAX_ENTRIES: usize = 4096;

/// The maximum length of a cached query string, in bytes.
const MAX_LENGTH: usize = 512;

/// The cache of parsed requirements by query string. Requirements depend on nothing but the query
/// string, so entries never expire.
pub struct RequirementsCache(Cache<Box<str>, Arc<Requirements>>);

impl Default for RequirementsCache {
    fn default() -> Self {
        Self(Cache::new(MAX_ENTRIES))
    }
}

impl RequirementsCache {
    /// Returns the cached requirements of a query string.
    #[must_use]
    pub fn get(&self, query: &str) -> Option<Arc<Requirements>> {
        self.0.get(query)
    }

    /// Returns the requirements of a query string from the cache, or parses them.
    ///
    /// # Errors
    /// The errors of [`Requirements::parse`], which are not cached.
    pub fn get_or_parse(&self, query: &str) -> Result<Arc<Requirements>, RequirementError> {
        if let Some(requirements) = self.get(query) {
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
    use super::{MAX_ENTRIES, RequirementsCache};
    use crate::requirements::Requirements;

    #[test]
    fn cached_requirements_equal_parsed_ones() {
        let cache = RequirementsCache::default();
        for query in ["", "policy=a", "tenant=acme&policy=a,b", "policy=a", "tenant=", "x=1", "x=1"]
        {
            assert_eq!(
                cache.get_or_parse(query).map(|all| (*all).clone()),
                Requirements::parse(query)
            );
        }
    }

    #[test]
    fn number_of_entries_is_bounded() {
        let cache = RequirementsCache::default();
        for number in 0..MAX_ENTRIES + 10 {
            cache.get_or_parse(&format!("policy=p{number}")).expect("a requirement");
        }
        assert!(cache.0.len() <= MAX_ENTRIES);
    }
}
