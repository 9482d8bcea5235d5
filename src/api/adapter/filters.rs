//! Filters of lists, whichever RPC they come by, and what they may cost.

use buffa::{EnumValue, Enumeration};

use crate::error::{Code, Error, Result};
use crate::store::{TextFilter, TextMatch};

/// Most filters of one list, nested ones included.
const MAX_QUERIES: usize = 100;
/// Deepest nesting of filters (contract, ListUsers).
const MAX_DEPTH: usize = 20;
/// Most values of all filters of one list together. Each is a parameter of a statement, of which SQLite
/// takes 32,766.
const MAX_VALUES: usize = 1000;

/// What the filters of one list cost the database, counted while they are read. The contract bounds each
/// list of its own; filters may hold lists and be nested, so their sums are bounded here.
#[derive(Default)]
pub struct Budget {
    queries: usize,
    values: usize,
}

impl Budget {
    /// One filter more.
    ///
    /// # Errors
    /// Code 3 for more than 100.
    pub fn query(&mut self) -> Result<()> {
        self.queries += 1;
        if self.queries > MAX_QUERIES {
            let text = format!("too many queries: send at most {MAX_QUERIES}, nested ones included");
            return Err(Error::native(Code::InvalidArgument, text));
        }
        Ok(())
    }

    /// One filter more, so deep; 1 for one that stands in no other.
    ///
    /// # Errors
    /// As [`Budget::query`]; `USER-zsQ97` deeper than 20.
    pub fn nested(&mut self, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(Error::invalid("USER-zsQ97", "Too many query nesting levels (Max 20)"));
        }
        self.query()
    }

    /// So many values more.
    ///
    /// # Errors
    /// Code 3 for more than 1000.
    pub fn values(&mut self, count: usize) -> Result<()> {
        self.values = self.values.saturating_add(count);
        if self.values > MAX_VALUES {
            let text = format!("too many values in the queries: send at most {MAX_VALUES} in all of them together");
            return Err(Error::native(Code::InvalidArgument, text));
        }
        Ok(())
    }
}

/// A text filter of a list, by any of the enums of methods: versions and packages number them alike.
pub fn text_filter<E: Enumeration>(method: EnumValue<E>, value: &str) -> TextFilter {
    // The field rules have refused unknown numbers already.
    let number = method.to_i32();
    let how = match number / 2 {
        0 => TextMatch::Equals,
        1 => TextMatch::Starts,
        2 => TextMatch::Contains,
        _ => TextMatch::Ends,
    };
    TextFilter::new(how, number % 2 == 1, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::zitadel::{filter, object, v1};

    #[test]
    fn methods_of_texts_are_numbered_alike_everywhere() {
        assert_eq!(v1::TextQueryMethod::TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE as i32, 3);
        let v2 = object::v2::TextQueryMethod::TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE;
        assert_eq!(v2 as i32, v1::TextQueryMethod::TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE as i32);
        let contains = EnumValue::from(filter::v2::TextFilterMethod::TEXT_FILTER_METHOD_CONTAINS_IGNORE_CASE);
        let [told, meant] = [text_filter(contains, "Ab"), TextFilter::new(TextMatch::Contains, true, "Ab")];
        assert_eq!(format!("{told:?}"), format!("{meant:?}"));
    }

    #[test]
    fn filters_and_their_values_are_counted_together() {
        let mut budget = Budget::default();
        assert!((0..100).all(|_| budget.query().is_ok()) && budget.query().is_err());
        let mut budget = Budget::default();
        assert!(budget.values(600).is_ok() && budget.values(400).is_ok() && budget.values(1).is_err());
        assert!(Budget::default().values(usize::MAX).is_err());
    }
}
